# shellcheck shell=sh
# Sourced by the benchmarks, in the project's root: generated worlds.

# world DIR FLAGS…: a day of RECORDS records of 300 interfaces, which worldgen makes with the flags below DIR unless it is there.
world() {
  dir=$1
  shift
  [ "$(cat "$dir/records" 2>/dev/null)" != "$RECORDS" ] || return 0
  rm -rf "$dir"
  CGO_ENABLED=0 ${GO:-go} build -o bin/worldgen ./cmd/world/worldgen
  bin/worldgen -out "$dir" -days 1 -interfaces 300 -records "$RECORDS" -scenarios tiers,scanners,longlived,syslog,nat,highports,ipv6 "$@"
  echo "$RECORDS" >"$dir/records"
}
