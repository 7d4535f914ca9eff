/** What a command line of `npm run` holds to, whatever its options are. */
import test from 'ava';

type ParseOptions = (args: readonly string[], write: (text: string) => void) => object | undefined;

/** `cases`: arguments, and what the message about them must say. */
export function testRefusals(
  parseOptions: ParseOptions,
  cases: readonly (readonly [args: readonly string[], message: RegExp])[],
): void {
  for (const [args, message] of cases) {
    test(`options ${args.join(' ')} are refused`, t => {
      t.throws(() => parseOptions(args, t.fail), { name: 'WeftError', message });
    });
  }
}

export function testHelp(parseOptions: ParseOptions, options: readonly string[]): void {
  test('--help tells the options and asks for nothing else', t => {
    let text = '';
    t.is(
      parseOptions(['--help'], part => {
        text += part;
      }),
      undefined,
    );
    for (const option of options) t.true(text.includes(option));
  });
}
