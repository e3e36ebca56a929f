#!/bin/sh
# Reviews about 10 M records of generated gzip text from end to end, and inflates the same files with gzip beside it. Twice:
# format v2, where nearly every visitor is a new address, and format v5 with few addresses. The worlds are made once, below
# out/bench; RECORDS changes their size.
set -eu
cd "$(dirname "$0")/../.."
. testdata/bench/measure.sh
. testdata/bench/worlds.sh
GO=${GO:-go}
RECORDS=${RECORDS:-10000000}
out=out/bench
mkdir -p "$out"
CGO_ENABLED=0 $GO build -o bin/sgtrim ./cmd/sgtrim

inflate() {
  # shellcheck disable=SC2016 # the inner shell expands it
  measure "$out/$1-gzip.time" sh -c 'find "$1" -name "*.gz" -exec gzip -dc {} + >/dev/null' sh "$out/$1/logs"
}

for format in v2 v5; do
  dir=$out/$format
  visitors=500
  [ "$format" = v5 ] || visitors=40000000
  world "$dir" -format "$format" -visitors "$visitors"
  rm -rf "$dir/review"
  measure "$out/$format-review.time" bin/sgtrim review "$dir/logs" --estate "$dir/estate" -o "$dir/review" >"$out/$format.summary" 2>"$out/$format.progress"
  inflate "$format"
  awk -v world="$format" -v records="$RECORDS" '
    NR == 1 { wall = $1; cpu = $2 + $3; rss = $4 }
    NR == 2 { printf "%s review: %.1f s wall, %.1f s CPU, %.2f M records/s, peak RSS %.0f MiB\n", world, wall, cpu, records / wall / 1e6, rss / 1024
              printf "%s gzip -dc of the same files: %.1f s wall, %.1f s CPU; review is %.1f times the wall, %.1f times the CPU\n",
                world, $1, $2 + $3, wall / ($1 > 0 ? $1 : 1), cpu / ($2 + $3 > 0 ? $2 + $3 : 1)
              if (rss > 1048576) { print world ": more than 1 GiB"; bad = 1 } }
    END { exit bad }' "$out/$format-review.time" "$out/$format-gzip.time"
done
