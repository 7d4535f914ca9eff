/** `weft config`: check a file, apply one to the running daemon, confirm that, and show what runs. */
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { WeftError } from '../../dataplane/errors.ts';
import { DEFAULT_CONFIG_PATH } from '../config/config.ts';
import { readConfigText } from '../config/load.ts';
import { writeConfigFile } from '../config/write-config.ts';
import { oneLine } from '../one-line.ts';
import type { ConfigReport } from '../reload/config-operations.ts';
import { checkConfig, connect, type GlobalOptions } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';

interface JsonOptions extends GlobalOptions {
  readonly json?: boolean;
}

interface ApplyOptions extends JsonOptions {
  readonly confirm?: string;
}

const JSON_HELP = 'print JSON';

export function addConfig(program: Command, io: CliIo): void {
  const config = program.command('config').description('Work with configuration files').helpCommand(false);
  config
    .command('check')
    .description('Check a configuration file and print everything that is wrong with it')
    .argument('<file>', 'configuration file')
    .addHelpText('after', examples([`weft config check ${DEFAULT_CONFIG_PATH}`]))
    .action((file: string) => checkConfig(io, file));
  config
    .command('apply')
    .description(
      'Have the running daemon take a configuration, whole or not at all, and keep it for its next start',
    )
    .argument('<file>', 'configuration file')
    .option(
      '--confirm <time>',
      'take it back after this, as in 60s or 5m, unless weft config confirm comes before',
    )
    .option('--json', JSON_HELP)
    .addHelpText(
      'after',
      examples(['weft config apply new.yaml', 'weft config apply new.yaml --confirm 60s']),
    )
    .action((file: string, _, command: Command) => apply(io, file, command.optsWithGlobals<ApplyOptions>()));
  config
    .command('confirm')
    .description('Keep the configuration that was applied with --confirm')
    .option('--json', JSON_HELP)
    .addHelpText('after', examples(['weft config confirm']))
    .action((_, command: Command) => confirm(io, command.optsWithGlobals<JsonOptions>()));
  config
    .command('show')
    .description(
      'Show the configuration that runs, with all defaults, and whether a change waits to be confirmed',
    )
    .option('--json', JSON_HELP)
    .addHelpText('after', examples(['weft config show', 'weft config show --json']))
    .action((_, command: Command) => show(io, command.optsWithGlobals<JsonOptions>()));
}

async function apply(io: CliIo, file: string, options: ApplyOptions): Promise<void> {
  const confirmMs = options.confirm === undefined ? undefined : parseTime(options.confirm);
  const name = resolve(io.workingDirectory, file);
  const text = await readConfigText(name);
  const daemon = connect(io, options);
  if (confirmMs !== undefined) await refuseOwnFile(name, (await daemon.showConfig()).path);
  const report = await daemon.applyConfig({ text, file, ...(confirmMs !== undefined && { confirmMs }) });
  if (report.confirm_s === null) await keep(report.path, text);
  const lines = report.changes.length === 0 ? ['nothing to change'] : report.changes;
  const ending =
    report.confirm_s === null
      ? `kept in ${report.path}`
      : `rolled back in ${report.confirm_s} s unless you run: weft config confirm`;
  print(io, options, report, [...lines, ending]);
}

async function confirm(io: CliIo, options: JsonOptions): Promise<void> {
  const { text, ...report } = await connect(io, options).confirmConfig();
  await keep(report.path, text);
  print(io, options, report, [...report.changes, `confirmed, and kept in ${report.path}`]);
}

async function show(io: CliIo, options: JsonOptions): Promise<void> {
  const report = await connect(io, options).showConfig();
  if (options.json === true) io.stdout.write(`${JSON.stringify(report)}\n`);
  else io.stdout.write(`${commentsOf(report).join('\n')}\n${stringify(report.config)}`);
}

function commentsOf({ path, pending, refused }: ConfigReport): readonly string[] {
  const lines = [`started from ${path}`];
  if (pending !== null) {
    lines.push(`rolled back in ${pending.remaining_s} s unless you run: weft config confirm`);
    lines.push(...pending.changes.map(change => `  ${change}`));
  }
  if (refused !== null) lines.push(`the last change was not taken: ${refused}`);
  return lines.map(line => `# ${oneLine(line)}`);
}

/** A roll-back leaves the file of the daemon alone: it must not be the new one already. */
async function refuseOwnFile(file: string, path: string): Promise<void> {
  const [own, given] = await Promise.all([path, file].map(one => realpath(one).catch(() => one)));
  if (own !== given) return;
  throw new WeftError('invalid_argument', `${file} is the file that the daemon starts from`, {
    hint: 'with --confirm apply another one: it is written there when it is confirmed',
  });
}

async function keep(path: string, text: string): Promise<void> {
  try {
    await writeConfigFile(path, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WeftError('system', `applied, but ${path} cannot be written: ${reason}`, {
      hint: 'write the file there yourself, or the next start has the former one',
      cause: error,
    });
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds. Throws `invalid_argument`. */
export function parseTime(text: string): number {
  const [, digits, unit = 's'] = /^(\d{1,6})([smh])?$/.exec(text) ?? [];
  const ms = Number(digits) * (UNIT_MS[unit] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new WeftError('invalid_argument', `"${text}" is not a time`, {
    hint: 'write it as in 60s, 5m or 1h',
  });
}

function print(io: CliIo, options: JsonOptions, data: unknown, lines: readonly string[]): void {
  const text = lines.map(line => oneLine(line)).join('\n');
  io.stdout.write(options.json === true ? `${JSON.stringify(data)}\n` : `${text}\n`);
}
