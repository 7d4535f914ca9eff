/** Where the time of a step goes whose tests run one after another: told from when each result comes in TAP. */

const RESULT = /^(?:not )?ok \d+ - (\S+) › /;

export interface FileTime {
  readonly file: string;
  readonly ms: number;
}

export class FileTimes {
  private readonly ms = new Map<string, number>();
  private last: number;

  /** `start`: ms of the same clock as {@link line}'s. */
  constructor(start: number) {
    this.last = start;
  }

  /** Takes one line of output that came at `now`: what has passed since the last result was spent on this one. */
  line(line: string, now: number): void {
    const file = RESULT.exec(line)?.[1];
    if (file === undefined) return;
    this.ms.set(file, (this.ms.get(file) ?? 0) + now - this.last);
    this.last = now;
  }

  /** The files that took the most, longest first. Of a step of one file ava does not name it: empty. */
  slowest(count: number): FileTime[] {
    return [...this.ms]
      .map(([file, ms]) => ({ file, ms }))
      .toSorted((one, other) => other.ms - one.ms)
      .slice(0, count);
  }
}
