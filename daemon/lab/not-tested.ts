/** What a test could not do on this machine: said aloud, and told again at the end of a run. */

/** Before what was not done, and why. The runner looks for it (tap-counter.ts). */
const PREFIX = 'NOT TESTED HERE: ';

/** How ava prints the first line of a log in TAP. */
const LOGGED = `#   ${PREFIX}`;

/** Says that something was not tested, and why. The rest of the test has to hold. */
export function notTested(t: { readonly log: (text: string) => void }, what: string): void {
  t.log(`${PREFIX}${what}`);
}

/** What a line of TAP says was not tested; undefined: it says nothing of that. */
export function notTestedIn(line: string): string | undefined {
  return line.startsWith(LOGGED) ? line.slice(LOGGED.length) : undefined;
}

/** Whether a line goes on with what the one before logged. */
export function isLogged(line: string): boolean {
  return line.startsWith('#   ');
}
