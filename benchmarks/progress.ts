/** Tells how far a run is: one line that changes on a terminal, a line for each round elsewhere. */
import type { Clock } from '../dataplane/clock.ts';

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Erases the line that the cursor is on and returns to its start (ECMA-48 EL). */
const ERASE_LINE = '\r\x1b[2K';
/** Where there is no terminal, a line at most this often. */
const QUIET_MS = 15_000;

export class Progress {
  private readonly output: ProgressOutput;
  private readonly clock: Clock;
  private readonly expected: number;
  private readonly start: number;
  private done = 0;
  private lastLine = Number.NEGATIVE_INFINITY;

  /** `expected`: the work in all, in seconds as they were estimated. */
  constructor(
    modules: { readonly output: ProgressOutput; readonly clock: Clock },
    options: { readonly expected: number },
  ) {
    this.output = modules.output;
    this.clock = modules.clock;
    this.expected = options.expected;
    this.start = this.clock.now();
  }

  /** `what` begins now. */
  at(what: string): void {
    const line = `${Math.floor((100 * this.done) / this.expected)} %, ${duration(this.left())} left: ${what}`;
    if (this.output.isTTY === true) {
      this.output.write(`${ERASE_LINE}${line.slice(0, (this.output.columns ?? 80) - 1)}`);
    } else if (this.clock.now() - this.lastLine >= QUIET_MS) {
      this.lastLine = this.clock.now();
      this.output.write(`${line}\n`);
    }
  }

  /** Work that was estimated at so many seconds is done. */
  finish(seconds: number): void {
    this.done = Math.min(this.expected, this.done + seconds);
  }

  /** A line that stays. */
  note(text: string): void {
    this.output.write(`${this.output.isTTY === true ? ERASE_LINE : ''}${text}\n`);
  }

  /** Takes the changing line away. */
  end(): void {
    if (this.output.isTTY === true) this.output.write(ERASE_LINE);
  }

  /** Seconds: as much slower or faster than estimated as it went so far. */
  private left(): number {
    const remaining = this.expected - this.done;
    const elapsed = (this.clock.now() - this.start) / 1000;
    return this.done === 0 ? remaining : (remaining * elapsed) / this.done;
  }
}

/** Seconds as in "40 s" or "12 min". */
export function duration(seconds: number): string {
  return seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
