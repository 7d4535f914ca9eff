/**
 * How much garbage the daemon keeps. V8 lets the old generation grow to several times of what lives before it looks for garbage in it, so a
 * daemon of 30 MB of heap grows for minutes to 60, and falls back (ADR 40). For who watches it that is a leak, and the memory is the containers'.
 */
import { setFlagsFromString } from 'node:v8';

/** Of what lives. V8 waits for at least 8 MB in any case (MinimumAllocationLimitGrowingStep in its heap/memory-controller.cc), so less gains nothing. */
const GARBAGE_PERCENT = 30;

/** For all threads of the process, each from its next full collection on. */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
}
