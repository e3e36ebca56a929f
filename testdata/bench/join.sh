#!/bin/sh
# The join alone, at 100,000 intervals of interfaces and 10 M conversations (INTERVALS and CONVERSATIONS): BenchmarkJoin of
# analyze/usage, once. The world and its conversations are made in memory, and making these is part of the time. Prints what it
# took; fails where that is more than 30 s of wall time.
set -eu
cd "$(dirname "$0")/../.."
. testdata/bench/measure.sh
GO=${GO:-go}
mkdir -p out/bench
$GO test -c -o bin/usage.test ./analyze/usage
export SGTRIM_INTERVALS="${INTERVALS:-100000}" SGTRIM_CONVERSATIONS="${CONVERSATIONS:-10000000}"
measure out/bench/join.time bin/usage.test -test.run '^$' -test.bench '^BenchmarkJoin$' -test.benchtime 1x >out/bench/join
grep '^BenchmarkJoin' out/bench/join
awk 'FNR == NR { printf "the whole run: %.1f s CPU, peak RSS %.0f MiB\n", $2 + $3, $4 / 1024; next }
  $1 ~ /^BenchmarkJoin/ { printf "join: %.1f s wall\n", $3 / 1e9; if ($3 > 30e9) { print "join: more than 30 s"; bad = 1 } }
  END { exit bad }' out/bench/join.time out/bench/join
