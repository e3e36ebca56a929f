#!/bin/sh
# Takes the profile that Go builds sgtrim with (cmd/sgtrim/default.pgo, see https://go.dev/doc/pgo): ingest and review of generated
# worlds in the formats that AWS writes, with few and with many keys. The worlds are made once, below out/bench/profile; RECORDS
# changes their size.
set -eu
cd "$(dirname "$0")/../.."
. testdata/bench/worlds.sh
GO=${GO:-go}
RECORDS=${RECORDS:-2000000}
export CGO_ENABLED=0
out=$(pwd)/out/bench/profile
built=$(mktemp -d) # the profile names the program's file
trap 'rm -rf "$built"' EXIT
mkdir -p "$out"

worlds=
# used NAME FLAGS…: one more world of the profile.
used() {
  name=$1
  shift
  world "$out/$name" -slot 5m "$@"
  worlds=$worlds${worlds:+:}$out/$name
}

for keys in few:500 many:40000000; do
  for format in v2 v5; do
    used "$format-${keys%:*}-text" -format "$format" -visitors "${keys#*:}"
  done
  for codec in gzip zstd snappy; do
    used "v5-${keys%:*}-$codec" -format v5 -visitors "${keys#*:}" -parquet -codec "$codec"
  done
done

$GO test -c -trimpath -pgo=off -o "$built/use" ./cmd/sgtrim
SGTRIM_WORLDS=$worlds "$built/use" -test.run '^$' -test.bench '^BenchmarkUse$' -test.benchtime 3x -test.cpuprofile "$built/cpu.pprof"
$GO tool pprof -proto "$built/cpu.pprof" >"$built/default.pgo"
mv "$built/default.pgo" cmd/sgtrim/default.pgo
