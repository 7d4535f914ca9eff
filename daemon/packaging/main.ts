/** `npm run package [-- --version X]`: packages of what is built, in dist-packages. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../package-info.ts';
import { makePackages } from './make-packages.ts';

const { values } = parseArgs({ options: { version: { type: 'string' } } });
const { version } = values;
const made = await makePackages(join(packageRoot, 'dist-packages'), version === undefined ? {} : { version });
for (const file of Object.values(made))
  process.stdout.write(`${file} ${(statSync(file).size / 1e6).toFixed(1)} MB\n`);
