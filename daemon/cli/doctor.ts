/** `weft doctor`: what is wrong, why, and how it is mended. */
import { type Command, Option } from 'commander';
import { DEFAULT_CONFIG_PATH } from '../config/config.ts';
import type { DoctorReport } from '../doctor/examination.ts';
import { type Finding, isProblem } from '../doctor/finding.ts';
import { type AllowedFix, examine, FIX_LEVELS } from '../doctor/mending.ts';
import { oneLine } from '../one-line.ts';
import { connect, type GlobalOptions } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';

/** The exit status says it; all words have been said. */
export class ProblemsFound extends Error {
  override readonly name = 'ProblemsFound';
}

interface DoctorOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly config?: string;
  /** true: no level was given. */
  readonly fix?: AllowedFix | true;
}

export function addDoctor(program: Command, io: CliIo): void {
  program
    .command('doctor')
    .description('Find out what is wrong, say why, and how it is mended')
    .argument(
      '[peer]',
      'name of a node: of the paths to others only that to it (default: to all that are up)',
    )
    .addOption(
      new Option(
        '--fix [level]',
        "run what mends it: safe: as far as it changes only what is weft's own; all: rules and settings of others too",
      )
        .choices([...FIX_LEVELS])
        .preset('safe'),
    )
    .option(
      '--config <file>',
      `configuration file (default: that of the daemon, else ${DEFAULT_CONFIG_PATH})`,
    )
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', examples(['weft doctor', 'weft doctor vm-b --json', 'weft doctor --fix']))
    .addHelpText('after', '\nExit status: 0 nothing is wrong, 1 problems were found, 2 wrong usage.')
    .action((peer: string | undefined, _, command: Command) =>
      doctor(io, peer, command.optsWithGlobals<DoctorOptions>()),
    );
}

async function doctor(io: CliIo, peer: string | undefined, options: DoctorOptions): Promise<void> {
  const { fix } = options;
  const report = await examine(
    { host: io.host, operations: connect(io, options) },
    { peer, configPath: options.config, allowed: fix === true ? 'safe' : fix },
  );
  io.stdout.write(`${options.json === true ? JSON.stringify(report) : formatDoctor(report)}\n`);
  if (!report.healthy) throw new ProblemsFound('problems were found');
}

export function formatDoctor(report: DoctorReport): string {
  const { findings, mended, failed, not_checked } = report;
  const lines = [
    ...mended.flatMap(one => formatFinding('mended', one)),
    ...failed.flatMap(({ command, reason }) => [`failed   ${command}`, `         ${reason}`]),
    ...findings.flatMap(one => formatFinding(one.severity, one)),
    ...not_checked.map(what => `unknown  ${what}`),
    conclusion(report),
  ];
  return lines.map(oneLine).join('\n');
}

function formatFinding(state: string, { verdict, sentence, mend, fix }: Finding): readonly string[] {
  const who = { safe: '', all: '   (by --fix=all)', hand: '   (by hand)' }[fix];
  return [
    `${state.padEnd(8)} ${verdict}: ${sentence}`,
    ...(mend === null || state === 'mended' ? [] : [`         mend: ${mend}${who}`]),
  ];
}

function conclusion({ node, findings, mended }: DoctorReport): string {
  const problems = findings.filter(isProblem).length;
  const where = node ?? 'this host, without its daemon';
  if (problems === 0)
    return `${where}: ${mended.length === 0 ? 'nothing is wrong' : 'nothing is wrong any more'}`;
  return `${where}: ${problems} ${problems === 1 ? 'problem' : 'problems'}`;
}
