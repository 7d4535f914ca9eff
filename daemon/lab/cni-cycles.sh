#!/usr/bin/env bash
# cni-cycles.sh PLUGIN CONFIG COUNT: so many ADDs of one interface, and after each its DEL. CNI_NETNS, CNI_IFNAME and CNI_CONTAINERID are in the
# environment. Prints what each ADD took, in microseconds; stops at the first call that fails, with what it answered.
# A shell that stays, because a runtime forks in no time, unlike the process of the tests with `ip netns exec` before each call.
set -eu
plugin=$1 config=$2 count=$3

call() {
  CNI_COMMAND=$1 "$plugin" <<<"$config" >"$answer" || {
    status=$?
    cat "$answer" >&2
    exit "$status"
  }
}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
for ((n = 0; n < count; n++)); do
  # Six digits after a point.
  start=${EPOCHREALTIME/./}
  call ADD
  echo $((${EPOCHREALTIME/./} - start))
  call DEL
done
