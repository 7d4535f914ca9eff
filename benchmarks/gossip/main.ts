/** The gossip benchmark from its command line to its files. Simulated, and so without a lab. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureMembership } from '../../control/testing/membership-figures.ts';
import { measureTraffic } from '../../control/testing/membership-traffic.ts';
import { measureSpread } from '../../control/testing/record-latency.ts';
import { systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { elapsedLog } from '../command-line.ts';
import { aboutMachine } from '../machine.ts';
import { DOCS, renewReport } from '../publish.ts';
import { Recorder } from '../scale/curve.ts';
import { lossName, MEASURES, recordMembership, recordSpread, recordTraffic } from './measures.ts';
import { mergeCurves } from './merge.ts';
import { type GossipCurve, type GossipRun, gossipFiles, type Simulation, textReport } from './report.ts';

export const GOSSIP_USAGE = `npm run bench -- gossip [options]

  --quick             half a minute: 10 and 100 nodes, one seed
  --full              also 3,000 and 10,000 nodes, of which only a part is measured: half an hour more on a busy machine, and
                      10 GB, for which Node wants NODE_OPTIONS=--max-old-space-size=14000
  --sizes N,...       numbers of nodes, instead of 10, 30, 100, 300 and 1,000
  --only PART         records, membership, or traffic: what membership sends, in pools that are complete when they begin
  --seeds N           runs of each point (3; quick and full: 1)
  --json FILE         writes all samples
  --write             renews docs/benchmarks/gossip*, after each size
  --add               with --write: keeps what was measured before, but for points that are measured again
`;

const SIZES = [10, 30, 100, 300, 1000];
const QUICK_SIZES = [10, 100];
const LARGE_SIZES = [3000, 10_000];
const LOSSES = [0, 0.05, 0.2];

/**
 * Larger pools are not brought up, lose no packets and have no deaths: each of n nodes would exchange all it knows, and hear of each, which
 * takes time and memory with n². What they send is measured (membership-pool.ts, `warm`), and how claims spread.
 */
const LARGEST_COLD = 1000;

const PARTS = ['records', 'membership', 'traffic'] as const;
type Part = (typeof PARTS)[number];

export interface Options {
  readonly sizes: readonly number[];
  readonly seeds: readonly number[];
  readonly jsonFile: string | undefined;
  readonly write: boolean;
  readonly add: boolean;
  readonly parts: readonly Part[];
}

/** Measures, and prints tables to standard output. Throws a WeftError when the arguments are wrong. */
export async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(GOSSIP_USAGE);
    return;
  }
  const { versions: _, ...machine } = await aboutMachine([], systemClock);
  const start = systemClock.now();
  const log = elapsedLog(systemClock, 4);
  const recorder = new Recorder();
  const earlier = options.add ? readRun() : { simulations: [], curves: [] };
  let curves: readonly GossipCurve[] = [];
  const sizes: number[] = [];
  for (const size of options.sizes) {
    for (const seed of options.seeds) measure(recorder, { size, seed, parts: options.parts }, log);
    sizes.push(size);
    curves = mergeCurves(earlier.curves, curvesOf(recorder));
    const minutes = (systemClock.now() - start) / 60_000;
    const memoryMb = Math.round(process.resourceUsage().maxRSS / 1024);
    const { seeds, parts } = options;
    const simulation: Simulation = { machine, seeds, minutes, memoryMb, sizes: [...sizes], parts };
    write({ simulations: [...earlier.simulations, simulation], curves }, options);
  }
  process.stdout.write(textReport({ curves }));
}

function readRun(): GossipRun {
  return JSON.parse(readFileSync(new URL('gossip.json', DOCS), 'utf8')) as GossipRun;
}

function write(run: GossipRun, { jsonFile, write: renew }: Options): void {
  const json = `${JSON.stringify(run, undefined, 2)}\n`;
  if (jsonFile !== undefined) writeFileSync(jsonFile, json);
  if (!renew) return;
  mkdirSync(DOCS, { recursive: true });
  for (const [name, text] of [['gossip.json', json] as const, ...gossipFiles(run)]) {
    writeFileSync(new URL(name, DOCS), text);
  }
  renewReport();
}

function measure(
  recorder: Recorder,
  { size, seed, parts }: { readonly size: number; readonly seed: number; readonly parts: readonly Part[] },
  log: (line: string) => void,
): void {
  const isLarge = size > LARGEST_COLD;
  for (const part of parts) {
    switch (part) {
      case 'records':
        for (const loss of isLarge ? [0] : LOSSES) {
          log(`${size} nodes, seed ${seed}: records, ${lossName(loss)}`);
          for (const figures of measureSpread([{ size, seed, loss }])) recordSpread(recorder, figures);
        }
        break;
      case 'membership':
        if (isLarge) break;
        log(`${size} nodes, seed ${seed}: membership`);
        recordMembership(recorder, measureMembership({ size, seed }));
        break;
      case 'traffic':
        log(`${size} nodes, seed ${seed}: what membership sends`);
        recordTraffic(recorder, measureTraffic({ size, seed, start: 'warm' }));
    }
  }
}

function curvesOf(recorder: Recorder): GossipCurve[] {
  const curves = recorder.curves();
  return MEASURES.flatMap(one => {
    const curve = curves.find(({ id }) => id === one.id);
    return curve === undefined ? [] : [{ ...one, ...curve }];
  });
}

/** Undefined: only help is wanted. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { help, quick, full, sizes, seeds, json, write, add, only } = parse(args);
  if (help) return undefined;
  if (quick && full) throw invalid('--quick and --full exclude each other');
  const count = seeds === undefined ? (quick || full ? 1 : 3) : Number(seeds);
  if (!Number.isInteger(count) || count < 1) throw invalid(`--seeds "${seeds}" is no count from 1 on`);
  if (add && !write) throw invalid('--add is of use with --write only');
  const parts = PARTS.filter(part => only === undefined || part === only);
  if (parts.length === 0) throw invalid(`--only "${only}" is none of ${PARTS.join(', ')}`);
  return {
    sizes: sizes?.split(',').map(sizeOf) ?? (quick ? QUICK_SIZES : full ? [...SIZES, ...LARGE_SIZES] : SIZES),
    seeds: Array.from({ length: count }, (_, index) => index + 1),
    jsonFile: json,
    write,
    add,
    parts,
  };
}

function sizeOf(text: string): number {
  const size = Number(text);
  // Three are joined by all others; the addresses of the simulation have two bytes for the node.
  if (!Number.isInteger(size) || size < 10 || size > 60_000)
    throw invalid(`--sizes "${text}" is not 10 to 60000`);
  return size;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        sizes: { type: 'string' },
        seeds: { type: 'string' },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
        add: { type: 'boolean', default: false },
        only: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function invalid(what: string): WeftError {
  return new WeftError('invalid_argument', what, {
    hint: 'npm run bench -- gossip --help lists the options',
  });
}
