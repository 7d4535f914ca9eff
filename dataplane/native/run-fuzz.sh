#!/bin/sh
# Fuzzes the addon's C with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, as many targets at once as there
# are processors:
#
#     npm run fuzz -- [--seconds 60] [TARGET …]              targets: fuzz/TARGET.c, begun from fuzz/seeds/TARGET/
#
# The last line is "N passed, N failed". Of a target that failed it prints the input that did it and how to run that
# again. What was found stays under build/fuzz/corpus and is begun from the next time; delete it to begin anew.
set -eu

cd "$(dirname "$0")"

usage() {
	echo 'usage: run-fuzz.sh [--seconds N] [TARGET …]' >&2
	exit 2
}

seconds=60
targets=
while [ $# -gt 0 ]; do
	case $1 in
	--seconds)
		seconds=${2:-}
		shift 2 || usage
		;;
	--seconds=*)
		seconds=${1#*=}
		shift
		;;
	-*) usage ;;
	*)
		[ -f "fuzz/$1.c" ] && [ -d "fuzz/seeds/$1" ] || usage
		targets="$targets $1"
		shift
		;;
	esac
done
case $seconds in '' | *[!0-9]*) usage ;; esac
[ -n "$targets" ] || targets=$(ls fuzz/seeds)

command -v clang >/dev/null || {
	echo 'run-fuzz: clang is missing (Debian: clang)' >&2
	exit 1
}

fuzz_one() {
	target=$1
	corpus=build/fuzz/corpus/$target
	artifacts=build/fuzz/found/$target-
	log=build/fuzz/$target.log
	mkdir -p "$corpus" build/fuzz/found
	# -timeout: an input that takes 10 s is an endless loop. Targets end with the time, or with the first failure.
	if "build/fuzz/$target" "-max_total_time=$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		"-artifact_prefix=$artifacts" "$corpus" "fuzz/seeds/$target" >"$log" 2>&1; then
		executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		coverage=$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log")
		echo "ok - fuzz $target: $executed inputs in $seconds s, $coverage branches, $(find "$corpus" -type f | wc -l) kept"
		return
	fi
	echo "not ok - fuzz $target"
	sed 's/^/# /' "$log" | grep -v ' NEW \| REDUCE \| pulse ' | tail -n 60
	found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	[ -z "$found" ] || printf '# reproducer: %s\n# run it again: cd %s && %s %s\n' "$PWD/$found" "$PWD" "build/fuzz/$target" "$found"
}

if [ "${FUZZ_ONE:-}" != "" ]; then
	fuzz_one "$FUZZ_ONE"
	exit
fi

# shellcheck disable=SC2086 # a list of names
make -s $(for target in $targets; do echo "build/fuzz/$target"; done)
# A small quarantine: the targets free what they take at once, and the default of 256 MiB would make each as large.
export ASAN_OPTIONS=quarantine_size_mb=16:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
results=build/fuzz/results
mkdir -p build/fuzz
# shellcheck disable=SC2086
printf '%s\n' $targets | xargs -P "$(nproc)" -I TARGET env FUZZ_ONE=TARGET sh ./run-fuzz.sh --seconds "$seconds" | tee "$results"
passed=$(grep -c '^ok - ' "$results" || true)
failed=$(($(echo $targets | wc -w) - passed))
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
