# shellcheck shell=sh
# Sourced by the benchmarks: what a command takes.

# measure FILE COMMAND…: runs it, and leaves wall, user and system seconds and KiB at the peak in FILE. The memory is the
# process's own (GNU time, "Maximum resident set size"); without GNU time only the wall seconds are there.
measure() {
  file=$1
  shift
  if [ -x /usr/bin/time ] && /usr/bin/time -f '' true 2>/dev/null; then
    /usr/bin/time -f '%e %U %S %M' -o "$file" "$@"
  else
    began=$(date +%s)
    "$@"
    echo "$(($(date +%s) - began)) 0 0 0" >"$file"
  fi
}
