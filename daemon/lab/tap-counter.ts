/** Counting of test results from TAP, the Test Anything Protocol (testanything.org, version 13), as ava prints it. */

// "ok 3 - title", "not ok 4 - title # TODO reason"
const RESULT = /^(not )?ok\b(?:.*#\s*(skip|todo)\b)?/i;

export class TapCounter {
  private passedTests = 0;
  private failedTests = 0;

  get passed(): number {
    return this.passedTests;
  }

  get failed(): number {
    return this.failedTests;
  }

  /** Takes one line of output. Skipped and to-do tests are neither passed nor failed. */
  line(line: string): void {
    const match = RESULT.exec(line);
    if (match === null || match[2] !== undefined) return;
    if (match[1] === undefined) this.passedTests++;
    else this.failedTests++;
  }

  /**
   * Closes the count of a step that ended with this exit status (null: by a signal). A step that failed without saying
   * which test, or that ran no test at all, counts as one failure.
   */
  end(status: number | null): void {
    const silent = this.passedTests === 0 && this.failedTests === 0;
    if (this.failedTests === 0 && (status !== 0 || silent)) this.failedTests = 1;
  }
}
