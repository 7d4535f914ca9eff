/** The scale benchmarks from their command line to their files. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Lab } from '../../daemon/lab/lab.ts';
import { systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { elapsedLog } from '../command-line.ts';
import { aboutMachine } from '../machine.ts';
import { DOCS, renewReport } from '../publish.ts';
import type { ScaleBenchmark, ScaleModules, ScaleOptions } from './bench.ts';
import { containers } from './containers.ts';
import { entries } from './entries.ts';
import { flows } from './flows.ts';
import { peers } from './peers.ts';
import { rows, type ScaleRun, scaleFiles, targetText } from './report.ts';

export const SCALE_USAGE = `npm run bench -- scale [options]

  --only NAME,...     peers, entries, flows, containers
  --quick             three minutes: the ends of each curve, with shorter measurements
  --rounds N          samples of each point (3)
  --seconds S         length of each sample, a whole number (2; quick: 1)
  --json FILE         writes all samples
  --write             renews docs/benchmarks/scale*; what was not measured stays
`;

const BENCHMARKS: Readonly<Record<string, ScaleBenchmark>> = { peers, entries, flows, containers };

interface Options extends ScaleOptions {
  readonly names: readonly string[];
  readonly jsonFile: string | undefined;
  readonly write: boolean;
}

/** Measures, and prints tables to standard output. Throws a WeftError when the arguments are wrong. */
export async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(SCALE_USAGE);
    return;
  }
  Lab.sweep();
  const log = elapsedLog(systemClock, 4);
  const runs: ScaleRun[] = [];
  for (const name of options.names) {
    const machine = await aboutMachine([], systemClock);
    const result = await inLabs(log, modules => (BENCHMARKS[name] as ScaleBenchmark)(modules, options));
    runs.push({ ...result, machine, rounds: options.rounds, seconds: options.seconds });
  }
  process.stdout.write(textReport(runs));
  if (options.jsonFile !== undefined) writeFileSync(options.jsonFile, jsonOf(runs));
  if (options.write) writeDocs(runs);
}

/** What ../scale-results.ts reads. */
function jsonOf(results: readonly ScaleRun[]): string {
  return `${JSON.stringify({ results }, undefined, 2)}\n`;
}

/** Renews what was measured; what was not stays as an earlier run wrote it. */
function writeDocs(measured: readonly ScaleRun[]): void {
  const file = new URL('scale.json', DOCS);
  const earlier = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { results: ScaleRun[] }).results
    : [];
  const runs = Object.keys(BENCHMARKS).flatMap(
    name => [...measured, ...earlier].find(({ id }) => id === name) ?? [],
  );
  mkdirSync(DOCS, { recursive: true });
  for (const [name, text] of [['scale.json', jsonOf(runs)] as const, ...scaleFiles(runs)]) {
    writeFileSync(new URL(name, DOCS), text);
  }
  renewReport();
}

function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  const names = values.only?.split(',') ?? Object.keys(BENCHMARKS);
  const unknown = names.find(name => BENCHMARKS[name] === undefined);
  if (unknown !== undefined)
    throw invalid(`--only "${unknown}" is none of ${Object.keys(BENCHMARKS).join(', ')}`);
  return {
    names,
    quick: values.quick,
    rounds: count('--rounds', values.rounds, 3),
    seconds: count('--seconds', values.seconds, values.quick ? 1 : 2),
    jsonFile: values.json,
    write: values.write,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        only: { type: 'string' },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function count(option: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 1) throw invalid(`${option} "${text}" is no count from 1 on`);
  return value;
}

function invalid(what: string): WeftError {
  return new WeftError('invalid_argument', what, { hint: 'npm run bench -- scale --help lists the options' });
}

/** Gives a benchmark its labs and takes them away, whichever way it ends. */
async function inLabs<T>(
  log: (line: string) => void,
  work: (modules: ScaleModules) => Promise<T>,
): Promise<T> {
  const labs: Lab[] = [];
  try {
    return await work({
      log,
      makeLab: async options => {
        const lab = await Lab.create(options);
        labs.push(lab);
        return lab;
      },
    });
  } catch (error) {
    for (const lab of labs) process.stderr.write(`${lab.report()}\n`);
    throw error;
  } finally {
    for (const lab of labs) await lab.destroy();
  }
}

function textReport(runs: readonly ScaleRun[]): string {
  const parts = runs.flatMap(result =>
    result.curves.map(curve => {
      const title = `${result.quantity}: ${curve.name} (${curve.unit}, ${curve.better} is better)`;
      const headings = ['', '', 'of kernel vxlan', 'of its own', 'median', 'lowest – highest'];
      const all = [headings, ...rows(curve)];
      const widths = headings.map((_, column) => Math.max(...all.map(cells => cells[column]?.length ?? 0)));
      const lines = all.map(cells =>
        cells
          .map((cell, i) => (i === 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
          .join('   '),
      );
      const verdict = targetText(curve);
      return [
        title,
        ...lines.map(line => `  ${line}`),
        ...(verdict === undefined ? [] : [`  ${verdict}`]),
      ].join('\n');
    }),
  );
  return `${parts.join('\n\n')}\n`;
}
