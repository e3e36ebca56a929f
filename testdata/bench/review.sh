#!/bin/sh
# Reviews about 10 M records of generated gzip text from end to end, and inflates the same files with gzip beside it. Twice:
# format v2, where nearly every visitor is a new address, and format v5 with few addresses. The worlds are made once, below
# out/bench; RECORDS changes their size.
set -eu
cd "$(dirname "$0")/../.."
. testdata/bench/measure.sh
GO=${GO:-go}
RECORDS=${RECORDS:-10000000}
out=out/bench
mkdir -p "$out"
CGO_ENABLED=0 $GO build -o bin/sgtrim ./cmd/sgtrim

inflate() {
  # shellcheck disable=SC2016 # the inner shell expands it
  measure "$out/$1-gzip.time" sh -c 'find "$1" -name "*.gz" -exec gzip -dc {} + >/dev/null' sh "$out/$1/logs"
}

for world in v2 v5; do
  dir=$out/$world
  visitors=500
  [ "$world" = v5 ] || visitors=40000000
  if [ "$(cat "$dir/records" 2>/dev/null)" != "$RECORDS" ]; then
    rm -rf "$dir"
    $GO run ./cmd/world/worldgen -out "$dir" -days 1 -interfaces 300 -records "$RECORDS" -format "$world" -visitors "$visitors" \
      -scenarios tiers,scanners,longlived,syslog,nat,highports,ipv6
    echo "$RECORDS" >"$dir/records"
  fi
  rm -rf "$dir/review"
  measure "$out/$world-review.time" bin/sgtrim review "$dir/logs" --estate "$dir/estate" -o "$dir/review" >"$out/$world.summary" 2>"$out/$world.progress"
  inflate "$world"
  awk -v world="$world" -v records="$RECORDS" '
    NR == 1 { wall = $1; cpu = $2 + $3; rss = $4 }
    NR == 2 { printf "%s review: %.1f s wall, %.1f s CPU, %.2f M records/s, peak RSS %.0f MiB\n", world, wall, cpu, records / wall / 1e6, rss / 1024
              printf "%s gzip -dc of the same files: %.1f s wall, %.1f s CPU; review is %.1f times the wall, %.1f times the CPU\n",
                world, $1, $2 + $3, wall / ($1 > 0 ? $1 : 1), cpu / ($2 + $3 > 0 ? $2 + $3 : 1)
              if (rss > 1048576) { print world ": more than 1 GiB"; bad = 1 } }
    END { exit bad }' "$out/$world-review.time" "$out/$world-gzip.time"
done
