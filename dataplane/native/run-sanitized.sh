#!/bin/sh
# Runs the addon's own tests on a build with AddressSanitizer and UndefinedBehaviorSanitizer:
#
#     npx tsc && sh dataplane/native/run-sanitized.sh            (as root; other arguments go to ava)
#
# The sanitizers have to be in the process before node is, so they are preloaded. The run stops at the first report;
# a run without the sanitizers would prove nothing, so it fails when they are not there.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

fail() {
	echo "run-sanitized: $1" >&2
	exit 1
}

CC=${CC:-cc}
preload=
for library in libasan.so libubsan.so; do
	path=$("$CC" -print-file-name="$library")
	# The compiler answers with the bare name when it has no such file.
	[ "$path" != "$library" ] && [ -e "$path" ] || fail "$CC has no $library; install the sanitizers of the compiler (Debian: libgcc-12-dev)"
	preload="$preload${preload:+:}$(readlink -f "$path")"
done

make -s -C dataplane/native asan
WEFT_BATCH_IO=$root/dataplane/native/build/asan/batch_io.node
nm -D "$WEFT_BATCH_IO" | grep -q __asan_init || fail "$WEFT_BATCH_IO was built without AddressSanitizer"
[ -e dist/dataplane/native/batch-io.js ] || fail 'dist/ is missing; run "npx tsc" first'

# Node keeps much until its very end, which is no leak; lifecycle.test.ts counts descriptors and handles instead.
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:strict_string_checks=1:detect_stack_use_after_return=1
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:abort_on_error=1
export WEFT_BATCH_IO ASAN_OPTIONS UBSAN_OPTIONS

LD_PRELOAD=$preload node -e '
	const maps = require("fs").readFileSync("/proc/self/maps", "utf8");
	process.exit(maps.includes("libasan") && maps.includes("libubsan") ? 0 : 1);
' || fail "LD_PRELOAD=$preload had no effect on node"

[ $# -gt 0 ] || set -- 'dist/dataplane/native/**/*.test.js' 'dist/dataplane/tap*.test.js' 'dist/dataplane/udp*.test.js' 'dist/dataplane/malformed/*.test.js'
LD_PRELOAD=$preload exec node node_modules/ava/entrypoints/cli.mjs --tap --timeout=10m "$@"
