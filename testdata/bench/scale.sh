#!/bin/sh
# A recommendation for a large estate: 10,000 interfaces, 2,500 groups, 60,000 rules, 42 days and about 10 M conversations,
# from an ingested ledger to all outputs. Prints what ingest and recommend took; fails where recommend takes more than 60 s of
# wall time or 2 GiB. The world is made once, below out/bench; DAYS and CONNECTIONS change its size (a connection makes about
# 0.38 conversations: others of its day have the same key).
set -eu
cd "$(dirname "$0")/../.."
. testdata/bench/measure.sh
GO=${GO:-go}
DAYS=${DAYS:-42}
CONNECTIONS=${CONNECTIONS:-26600000}
out=out/bench/scale-$DAYS-$CONNECTIONS
mkdir -p "$out"
CGO_ENABLED=0 $GO build -o bin/sgtrim ./cmd/sgtrim

if [ ! -e "$out/ingested" ]; then
  $GO run ./cmd/world/worldgen -out "$out" -days "$DAYS" -interfaces 10000 -services 2450 -rules 24 -conversations "$CONNECTIONS" -format v5
  rm -rf "$out/ledger"
  measure "$out/ingest.time" bin/sgtrim ingest "$out/logs" --ledger "$out/ledger" --quiet
  touch "$out/ingested"
fi
rm -rf "$out/review"
measure "$out/recommend.time" bin/sgtrim recommend --ledger "$out/ledger" --estate "$out/estate" --min-window 1d -o "$out/review" >"$out/summary"
sed -n '/^sgtrim:/,/^Proof/p' "$out/summary"
awk '{ printf "%s: %.1f s wall, %.1f s CPU, peak RSS %.0f MiB\n", FNR == NR ? "ingest" : "recommend", $1, $2 + $3, $4 / 1024 }
  FNR != NR && ($1 > 60 || $4 > 2097152) { print "recommend: more than 60 s or 2 GiB"; bad = 1 }
  END { exit bad }' "$out/ingest.time" "$out/recommend.time"
