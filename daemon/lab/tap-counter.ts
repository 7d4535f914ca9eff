/** Counting of test results from TAP, the Test Anything Protocol (testanything.org, version 13), as ava prints it. */

import { isLogged, notTestedIn } from './not-tested.ts';

// "ok 3 - title", "not ok 4 - title # TODO reason"
const RESULT = /^(not )?ok\b(?: \d+)?(?: - )?(.*?)(?:\s#\s*(skip|todo)\b.*)?$/i;

/** What is kept of what a failed test says. */
const DETAIL_LINES = 30;

export interface Failure {
  /** As ava tells it: of several files with the name of the file before it, `file › title`. */
  readonly title: string;
  /** The block in YAML that says why, as it came; at most 30 lines. */
  readonly details: readonly string[];
}

export class TapCounter {
  private passedTests = 0;
  private failedTests = 0;
  private readonly failedOnes: { title: string; details: string[] }[] = [];
  /** Lines of such a block belong to the failure before it. */
  private isInDetails = false;
  private lastFailed = false;
  /** What tests could not do on this machine, a list of lines each. */
  private readonly gaps: string[][] = [];
  private isInGap = false;

  get passed(): number {
    return this.passedTests;
  }

  get failed(): number {
    return this.failedTests;
  }

  get failures(): readonly Failure[] {
    return this.failedOnes;
  }

  /** What was not tested here, in the tests' own words, a list of lines each. */
  get untested(): readonly (readonly string[])[] {
    return this.gaps;
  }

  /** Takes one line of output. Skipped and to-do tests are neither passed nor failed. */
  line(line: string): void {
    this.gap(line);
    const match = RESULT.exec(line);
    if (match === null) {
      this.detail(line);
      return;
    }
    this.isInDetails = false;
    this.lastFailed = match[1] !== undefined && match[3] === undefined;
    if (match[3] !== undefined) return;
    if (match[1] === undefined) this.passedTests++;
    else {
      this.failedTests++;
      this.failedOnes.push({ title: match[2] ?? '', details: [] });
    }
  }

  private gap(line: string): void {
    const what = notTestedIn(line);
    if (what !== undefined) this.gaps.push([what]);
    else if (this.isInGap && isLogged(line)) this.gaps.at(-1)?.push(line);
    this.isInGap = what !== undefined || (this.isInGap && isLogged(line));
  }

  private detail(line: string): void {
    if (!this.lastFailed) return;
    if (line === '  ---') this.isInDetails = true;
    else if (line === '  ...') this.isInDetails = false;
    else if (this.isInDetails) {
      const details = this.failedOnes.at(-1)?.details;
      if (details !== undefined && details.length < DETAIL_LINES) details.push(line);
    }
  }

  /**
   * Closes the count of a step that ended with this exit status (null: by a signal). A step that failed without saying
   * which test, or that ran no test at all, counts as one failure.
   */
  end(status: number | null): void {
    const silent = this.passedTests === 0 && this.failedTests === 0;
    if (this.failedTests === 0 && (status !== 0 || silent)) {
      this.failedTests = 1;
      this.failedOnes.push({ title: `the step itself (exit ${status})`, details: [] });
    }
  }
}
