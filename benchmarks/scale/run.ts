/** `npm run bench:scale [-- OPTIONS]`: the entry. main.ts has the options. */
import { WeftError } from '../../dataplane/errors.ts';
import { main } from './main.ts';

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(
    `${error instanceof WeftError ? error.line : error instanceof Error ? error.message : error}\n`,
  );
  process.exitCode = 1;
}
