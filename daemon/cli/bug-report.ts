/** `weft report`: everything about this node in one file, without secrets. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_CONFIG_PATH } from '../config/config.ts';
import { diagnose } from '../doctor/examination.ts';
import { writeArchive } from '../doctor/report/archive.ts';
import { collectReport } from '../doctor/report/collect-report.ts';
import { oneLine } from '../one-line.ts';
import { connect, type GlobalOptions } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';

interface BugReportOptions extends GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export function addBugReport(program: Command, io: CliIo): void {
  program
    .command('report')
    .description('Gather what a bug report needs in one file, with secrets removed')
    .argument('[file]', 'what to write, a .tar.gz (default: weft-report-NODE-TIME.tar.gz in this directory)')
    .option(
      '--config <file>',
      `configuration file (default: that of the daemon, else ${DEFAULT_CONFIG_PATH})`,
    )
    .option('--json', 'print JSON: {"file": its path, "files": how many are in it}')
    .addHelpText('after', examples(['weft report', 'weft report /tmp/weft.tar.gz']))
    .action((file: string | undefined, _, command: Command) =>
      bugReport(io, file, command.optsWithGlobals<BugReportOptions>()),
    );
}

async function bugReport(io: CliIo, file: string | undefined, options: BugReportOptions): Promise<void> {
  const modules = { host: io.host, operations: connect(io, options) };
  const examined = await diagnose(modules, { configPath: options.config, peer: undefined });
  const { configPath, state, ...diagnosis } = examined;
  const time = timeText(io.clock.wallTime());
  const files = await collectReport({ ...modules, time }, { configPath, state, diagnosis });
  const name = `weft-report-${(diagnosis.node ?? 'host').replace(/[^A-Za-z0-9._-]/g, '_')}-${time.replace(/\W/g, '')}`;
  const path = resolve(io.workingDirectory, file ?? `${name}.tar.gz`);
  await writeArchive(path, name, files);
  const text = `wrote ${path}: ${files.size} files, with secrets removed; look through it before you pass it on`;
  io.stdout.write(
    options.json === true ? `${JSON.stringify({ file: path, files: files.size })}\n` : `${oneLine(text)}\n`,
  );
}

/** As in 2026-11-28 12:00:00, UTC. */
function timeText(wallTime: number): string {
  return new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'UTC',
    dateStyle: 'short',
    timeStyle: 'medium',
  }).format(wallTime);
}
