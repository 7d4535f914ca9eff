/** Both packages, from a repository that is built. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { processIo } from '../cli/process-io.ts';
import { buildProgram } from '../cli/program.ts';
import { runCommand } from '../lab/run-command.ts';
import { bashCompletion } from './completion.ts';
import { buildDebianPackage } from './debian-package.ts';
import { manualPage } from './manual.ts';
import { type StageOptions, stagePackage } from './stage.ts';

export interface Packages {
  readonly archive: string;
  readonly debian: string;
}

/** Writes the archive of npm and the package of Debian there; returns their paths. */
export async function makePackages(outDirectory: string, options: StageOptions = {}): Promise<Packages> {
  mkdirSync(outDirectory, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'weft-package-'));
  try {
    // The modes of what is made here are those of what is installed.
    const former = process.umask(0o022);
    try {
      const [stage, root] = ['stage', 'root'].map(name => join(work, name)) as [string, string];
      for (const directory of [stage, root]) mkdirSync(directory);
      chmodSync(root, 0o755);
      const { version } = stagePackage(stage, options);
      const program = buildProgram(processIo(() => Promise.reject(new Error('nothing is started here'))));
      const debian = await buildDebianPackage({
        ...{ stage, root, version, outDirectory },
        manual: manualPage(program, { version }),
        completion: bashCompletion(program),
      });
      const pack = [
        'pack',
        stage,
        '--ignore-scripts',
        '--silent',
        '--pack-destination',
        resolve(outDirectory),
      ];
      await runCommand('npm', pack, { timeoutMs: 120_000 });
      return { archive: join(outDirectory, `weft-${version}.tgz`), debian };
    } finally {
      process.umask(former);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
