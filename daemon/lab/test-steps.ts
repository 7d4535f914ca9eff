/** What `npm test` consists of. */

export interface TestStep {
  readonly title: string;
  readonly command: string;
  /** The command prints TAP. */
  readonly args: readonly string[];
  /** Its tests run one after another. @default false */
  readonly isSerial?: boolean;
}

/** Where the end-to-end tests are built to. */
const E2E = 'dist/daemon/e2e/';
const SANITIZED: TestStep = {
  title: 'native addon under the address and undefined-behaviour sanitizers',
  command: 'sh',
  args: ['dataplane/native/run-sanitized.sh'],
};
/** dataplane/native/fuzz/roundtrip.c */
const DIFFERENTIAL: TestStep = {
  title: 'a million random super-frames through segmentation and coalescing',
  command: 'make',
  args: ['-s', '-C', 'dataplane/native', 'roundtrip-run'],
};

/**
 * The steps for selections: none is everything; `unit`, `e2e`, `sanitized` and `differential` are one step each; any other texts
 * select the test files whose paths contain one of them.
 *
 * @param files all test files, as paths relative to the repository
 */
export function testSteps(files: readonly string[], selections: readonly string[]): TestStep[] {
  const e2e = files.filter(file => file.startsWith(E2E));
  const unit = files.filter(file => !file.startsWith(E2E));
  const [selection, ...more] = selections;
  if (selection === undefined) return [unitStep(unit), e2eStep(e2e), SANITIZED, DIFFERENTIAL];
  switch (more.length === 0 ? selection : undefined) {
    case 'unit':
      return [unitStep(unit)];
    case 'e2e':
      return [e2eStep(e2e)];
    case 'sanitized':
      return [SANITIZED];
    case 'differential':
      return [DIFFERENTIAL];
    default: {
      const matching = (file: string) => selections.some(part => file.includes(part));
      const steps = [];
      if (unit.some(matching)) steps.push(unitStep(unit.filter(matching)));
      if (e2e.some(matching)) steps.push(e2eStep(e2e.filter(matching)));
      return steps;
    }
  }
}

function unitStep(files: readonly string[]): TestStep {
  return { title: 'unit tests', command: 'node_modules/.bin/ava', args: ['--tap', ...files] };
}

/** One at a time: they measure times and share two processors. */
function e2eStep(files: readonly string[]): TestStep {
  return serialStep('end-to-end tests', files);
}

export function serialStep(title: string, files: readonly string[]): TestStep {
  const args = ['--tap', '--serial', '--concurrency', '1', ...files];
  return { title, command: 'node_modules/.bin/ava', args, isSerial: true };
}
