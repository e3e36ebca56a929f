# Everything a person types is here. A bare machine with Go is enough for build, demo and test; integration needs other
# programs, installs what it can and says what it lacks.

GO        ?= go
FUZZTIME  ?= 20s
DEMO_DIR  ?= out/demo
CONNECTIONS ?= 1000000
STATICCHECK = $(GO) tool -modfile=tools.mod staticcheck

.PHONY: build demo test kill-test race fuzz bench scoreboard bench-review bench-report bench-peer bench-scale bench-join bench-memory bench-orientation profile lint portable check integration

# Checks do without the profile that the program is built by (cmd/sgtrim/default.pgo): by it, Go compiles every library once more.
test kill-test race fuzz lint: export GOFLAGS += -pgo=off

build:
	CGO_ENABLED=0 $(GO) build -o bin/sgtrim ./cmd/sgtrim

# The main job without AWS: an example estate and its logs are made on the spot, reviewed, and the result is shown.
demo: build
	bin/sgtrim demo -o $(DEMO_DIR)

test:
	CGO_ENABLED=0 $(GO) test -timeout 40m ./...

# The ledger killed at 200 instants spread over an ingest, beside every sync and rename of analyze/ledger's own kill test.
KILLS ?= 200
kill-test:
	SGTRIM_KILLS=$(KILLS) CGO_ENABLED=0 $(GO) test -count=1 -run '^(TestKill|TestKilledAnywhere)$$' ./analyze/ledger ./cmd/sgtrim

race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 40m ./...

# Every fuzz target for FUZZTIME each. Without the limit Go's minimiser may spend all of it on one input.
fuzz:
	@set -e; for package in $$($(GO) list ./...); do \
	  targets=$$($(GO) test -list '^Fuzz' $$package); \
	  for target in $$(printf '%s\n' "$$targets" | grep '^Fuzz' || true); do \
	    echo "== $$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package; \
	  done; \
	done

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# 10 M records of gzip text reviewed from end to end: time beside inflating the same files, and peak memory (docs/performance.md).
bench-review:
	GO="$(GO)" testdata/bench/review.sh

# Who opened a connection, against connections whose client is known: a million of each class by default
# (docs/orientation.md). Fails where a target is missed.
bench-orientation:
	CGO_ENABLED=0 $(GO) run ./cmd/orientbench -connections $(CONNECTIONS)

# The ingest beside DuckDB on the same generated logs: rates, ratios, memory, and the floor (docs/performance.md). Needs a C
# linker. PEER takes flags, as in PEER='-only v5 -rounds 1'; -help lists them. Worlds of 10 M records stay below out/.
PEER ?=
bench-peer: build
	mkdir -p out/bench/peer
	CGO_ENABLED=0 $(GO) build -o bin/worldgen ./cmd/world/worldgen
	cd testdata/bench/peer && CGO_ENABLED=1 $(GO) build -o ../../../bin/peer .
	bin/peer -dir out/bench/peer -sgtrim bin/sgtrim -worldgen bin/worldgen $(PEER)

# The profile that Go builds sgtrim with (cmd/sgtrim/default.pgo, https://go.dev/doc/pgo), taken anew: worth it when what
# records and conversations pass through has changed much. Worlds of 2 M records stay below out/.
profile:
	GO="$(GO)" testdata/bench/profile.sh

# Pretended worlds, judged by what the generator knows of them: SEEDS for each window (docs/scoreboard.md).
SEEDS ?= 50
scoreboard: build
	$(GO) run ./cmd/scoreboard -sgtrim bin/sgtrim -seeds $(SEEDS)

# A recommendation for 10,000 interfaces, 60,000 rules and 10 M conversations: time and peak memory (docs/performance.md).
bench-scale:
	GO="$(GO)" testdata/bench/scale.sh

# Whether `ingest --memory` holds: 100 M records with more than 20 M distinct keys, in v2 and in all fields, within 1 GiB. Sizes
# by RECORDS, KEYS, MEMORY (MiB) and WORLDS; half an hour and 7 GB of disk as they are (docs/performance.md). Needs GNU time.
bench-memory:
	GO="$(GO)" testdata/bench/memory.sh

# The join of 100,000 intervals of interfaces and 10 M conversations: time and peak memory (docs/performance.md).
bench-join:
	GO="$(GO)" testdata/bench/join.sh

# report.html of 2,500 groups in headless Chromium: time until it stands, and until a filter is shown.
bench-report:
	cd testdata/browser && $(GO) test -run '^$$' -bench . -benchtime 5x ./...

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(STATICCHECK) ./...
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run $$(git ls-files '*.sh'); else echo "shellcheck is not installed: shell scripts not checked"; fi
	$(GO) mod tidy
	git diff --exit-code go.mod go.sum

# Without the assembly of this program and of its libraries, as on processors for which there is none: the same records and bytes.
portable:
	CGO_ENABLED=0 $(GO) test -tags "purego noasm" ./analyze/ledger/... ./ingest/...

check: lint portable race

integration:
	testdata/integration/run.sh
