/** Where a run took place, and which programs it can use. */
import { existsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { runCommand } from '../daemon/lab/run-command.ts';
import type { Clock } from '../dataplane/clock.ts';
import type { Machine } from './results.ts';
import type { Subject } from './subjects/subject.ts';

export function isInstalled(program: string): boolean {
  const { PATH = '' } = process.env;
  return PATH.split(delimiter).some(directory => existsSync(join(directory, program)));
}

/** Programs of the subject that are not there. */
export function missingPrograms(subject: Subject): string[] {
  return subject.programs.filter(program => !isInstalled(program));
}

export async function aboutMachine(subjects: readonly Subject[], clock: Clock): Promise<Machine> {
  const [first, ...others] = cpus();
  const versions: Record<string, string> = { iperf3: await versionOf(['iperf3', '--version']) };
  for (const { name, version } of subjects)
    if (version !== undefined) versions[name] = await versionOf(version);
  return {
    // The Swedish way to write a date is ISO 8601.
    date: new Intl.DateTimeFormat('sv-SE', { timeZone: 'UTC' }).format(clock.wallTime()),
    commit: await commit(),
    processor: first?.model ?? 'unknown processor',
    processors: others.length + 1,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    versions,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** The commit, marked where files differ from it; other than the results of an earlier run. */
async function commit(): Promise<string> {
  const git = async (...args: string[]) =>
    (await runCommand('git', args, { check: false }).catch(() => undefined))?.stdout.trim() ?? '';
  const head = await git('rev-parse', '--short', 'HEAD');
  const changes = await git('status', '--porcelain', '--', '.', ':!docs/benchmarks');
  return `${head || 'unknown'}${changes === '' ? '' : '-dirty'}`;
}

/** The first number with dots that a program prints; the programs differ in all else. */
async function versionOf([program, ...args]: readonly [string, ...string[]]): Promise<string> {
  const { stdout, stderr } = await runCommand(program, args, { check: false });
  return /\bv?\d+(\.\d+)*\b/.exec(stdout + stderr)?.[0] ?? 'of unknown version';
}
