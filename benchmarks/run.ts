/**
 * `npm run bench [-- --quick] [-- --wire wire-like|veth] [-- --only NAME,...] [-- --rounds N] [-- --seconds S]
 * [-- --json FILE] [-- --write] [-- --variant NAME=JSON]...`
 *
 * Measures every scenario in turn, round after round, and prints ratios. `--quick` is less than a minute: only the
 * wire-like lab and the TCP stream. `--write` renews docs/benchmarks. `--variant` adds "weft bridge (NAME)" and "weft tap (NAME)",
 * whose configuration has these top-level keys: `--variant 'gso={"dataplane":{"sender":"udp-gso"}}'`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { Lab, type Wire } from '../daemon/lab/lab.ts';
import { runCommand } from '../daemon/lab/run-command.ts';
import { systemClock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import { MEASURES, type Measure } from './measure.ts';
import { type Circumstances, markdownReport, type Result, textReport } from './report.ts';
import { type Path, SCENARIOS, type Scenario, weftScenarios } from './scenarios.ts';

const DOCS = new URL('../../docs/benchmarks/', import.meta.url);
const WIRES: readonly Wire[] = ['wire-like', 'veth'];

interface Plan {
  readonly wires: readonly Wire[];
  readonly scenarios: readonly Scenario[];
  readonly measures: readonly Measure[];
  readonly rounds: number;
  readonly seconds: number;
  readonly write: boolean;
  readonly jsonFile: string | undefined;
}

function parsePlan(args: string[]): Plan {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      wire: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'string' },
      variant: { type: 'string', multiple: true, default: [] },
    },
  });
  const names = values.only?.split(',');
  const wires = WIRES.filter(wire => (values.wire ?? (values.quick ? 'wire-like' : wire)) === wire);
  const candidates = [...SCENARIOS, ...values.variant.flatMap(parseVariant)];
  const scenarios = candidates.filter(({ name }) => names === undefined || names.includes(name));
  if (wires.length === 0 || scenarios.length === 0) {
    const known = candidates.map(({ name }) => `"${name}"`).join(', ');
    throw new WeftError(
      'invalid_argument',
      `nothing is left to measure: wires are ${WIRES.join(' and ')}, scenarios ${known}`,
    );
  }
  return {
    wires,
    scenarios,
    measures: values.quick ? MEASURES.slice(0, 1) : MEASURES,
    rounds: positive(values.rounds, values.quick ? 3 : 5),
    seconds: positive(values.seconds, values.quick ? 2 : 3),
    write: values.write,
    jsonFile: values.json,
  };
}

function parseVariant(text: string): readonly Scenario[] {
  const [, name, json] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  try {
    const override: unknown = JSON.parse(json ?? '');
    if (typeof override === 'object' && override !== null)
      return weftScenarios(name, override as Record<string, unknown>);
  } catch {
    // Told below.
  }
  throw new WeftError('invalid_argument', `--variant "${text}" is not NAME={JSON}`);
}

function positive(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new WeftError('invalid_argument', `"${text}" is no count from 1 on`);
  return value;
}

/** Measures all scenarios of one kind of wire: their labs stand side by side, and the rounds alternate. */
async function measureWire(wire: Wire, plan: Plan, log: (line: string) => void): Promise<Result[]> {
  const labs: Lab[] = [];
  try {
    const paths: { scenario: Scenario; path: Path }[] = [];
    for (const [i, scenario] of plan.scenarios.entries()) {
      log(`${wire}: building ${scenario.name}`);
      const lab = await Lab.create({ name: `bench${i}`, wire });
      labs.push(lab);
      paths.push({ scenario, path: await scenario.build(lab) });
    }
    const samples = new Map<string, number[]>();
    const key = (scenario: Scenario, measure: Measure) => `${scenario.name} ${measure.name}`;
    for (let round = 1; round <= plan.rounds; round++) {
      for (const measure of plan.measures) {
        for (const { scenario, path } of paths) {
          const value = await measure.run(path, plan.seconds);
          log(
            `${wire}: round ${round} of ${plan.rounds}, ${scenario.name}: ${value.toPrecision(3)} ${measure.unit}`,
          );
          samples.set(key(scenario, measure), [...(samples.get(key(scenario, measure)) ?? []), value]);
        }
      }
    }
    return plan.measures.flatMap(measure =>
      plan.scenarios.map(scenario => ({
        wire,
        measure: measure.name,
        unit: measure.unit,
        better: measure.better,
        scenario: scenario.name,
        samples: samples.get(key(scenario, measure)) ?? [],
      })),
    );
  } catch (error) {
    for (const lab of labs) log(lab.report());
    throw error;
  } finally {
    for (const lab of labs) await lab.destroy();
  }
}

async function circumstances(): Promise<Circumstances> {
  const [first, ...others] = cpus();
  const git = await runCommand('git', ['rev-parse', '--short', 'HEAD'], { check: false }).catch(
    () => undefined,
  );
  return {
    processor: first?.model ?? 'unknown processor',
    processors: others.length + 1,
    kernel: release(),
    node: process.version,
    commit: git?.stdout.trim() || 'unknown',
    // The Swedish way to write a date is ISO 8601.
    date: new Intl.DateTimeFormat('sv-SE', { timeZone: 'UTC' }).format(systemClock.wallTime()),
  };
}

async function main(): Promise<void> {
  const plan = parsePlan(process.argv.slice(2));
  Lab.sweep();
  const results: Result[] = [];
  for (const wire of plan.wires) {
    results.push(...(await measureWire(wire, plan, line => process.stderr.write(`${line}\n`))));
  }
  process.stdout.write(`${textReport(results)}\n`);
  const about = await circumstances();
  const json = `${JSON.stringify({ ...about, results }, undefined, 2)}\n`;
  if (plan.jsonFile !== undefined) writeFileSync(plan.jsonFile, json);
  if (!plan.write) return;
  mkdirSync(DOCS, { recursive: true });
  writeFileSync(new URL('results.json', DOCS), json);
  writeFileSync(new URL('README.md', DOCS), markdownReport(results, about));
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `${error instanceof WeftError ? error.line : error instanceof Error ? error.message : error}\n`,
  );
  process.exitCode = 1;
}
