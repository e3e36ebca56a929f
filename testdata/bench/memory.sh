#!/bin/sh
# Whether `sgtrim ingest --memory` holds: generates logs with many distinct keys, ingests them, and fails where the process took
# more than MEMORY at its peak (VmHWM, as the kernel counted it) or the ledger has less than KEYS rows of evidence, which would
# prove nothing. WORLDS are format:slot; in v2:24h the whole day is one object. They are made once, below out/bench.
set -eu
cd "$(dirname "$0")/../.."
. testdata/bench/measure.sh
. testdata/bench/worlds.sh
GO=${GO:-go}
RECORDS=${RECORDS:-100000000}
KEYS=${KEYS:-20000000}
MEMORY=${MEMORY:-1024} # MiB
WORLDS=${WORLDS:-v2:5m v5:5m}
CGO_ENABLED=0 $GO build -o bin/sgtrim ./cmd/sgtrim

failed=0
for world in $WORLDS; do
  format=${world%:*} slot=${world#*:}
  dir=out/bench/memory-$format-$slot-$RECORDS
  world "$dir" -format "$format" -slot "$slot" -level 1 -truth=false -visitors 400000000 -crowd 12
  rm -rf "$dir/ledger"
  measure "$dir/time" bin/sgtrim ingest "$dir/logs" --ledger "$dir/ledger" --memory "${MEMORY}MiB" --quiet
  keys=$(awk -F '[:,]' '/"kind"/ { evidence = /"evidence"/ } /"rows"/ && evidence { n += $2 } END { print n + 0 }' "$dir/ledger/manifest.json")
  awk -v world="$world" -v keys="$keys" -v least="$KEYS" -v memory="$MEMORY" '{
    printf "%s: %d keys, %.1f s wall, %.1f s CPU, VmHWM %.0f MiB\n", world, keys, $1, $2 + $3, $4 / 1024
    if ($4 == 0) { print world ": the peak is not known without GNU time"; bad = 1 }
    if ($4 > memory * 1024) { print world ": more than " memory " MiB"; bad = 1 }
    if (keys < least) { print world ": less than " least " keys"; bad = 1 }
  } END { exit bad }' "$dir/time" || failed=1
done
exit $failed
