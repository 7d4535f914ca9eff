/** What a run measures, where and for how long. */
import { IDLE, MEASURES } from './measures/catalogue.ts';
import type { Measure } from './measures/measure.ts';
import { OPEN_VSWITCH, type Subject } from './subjects/subject.ts';
import { UNDERLAYS, type Underlay } from './underlays.ts';

/** What was asked for on the command line; undefined is "by default". */
export interface Wishes {
  readonly quick: boolean;
  readonly underlays: readonly string[] | undefined;
  /** Names of subjects. */
  readonly only: readonly string[] | undefined;
  /** Ids of measures. */
  readonly measures: readonly string[] | undefined;
  readonly rounds: number | undefined;
  /** For each sample. */
  readonly seconds: number | undefined;
}

/** One measure of one subject; it is repeated in every round. */
export interface Cell {
  readonly subject: Subject;
  readonly measure: Measure;
  readonly seconds: number;
}

/** What happens on one underlay: the subjects stand side by side, and each round goes through the cells in order. */
export interface Stage {
  readonly underlay: Underlay;
  readonly subjects: readonly Subject[];
  readonly cells: readonly Cell[];
  /** Seconds for which idle daemons are watched after the rounds; 0: not at all. */
  readonly idleSeconds: number;
}

export interface Plan {
  readonly stages: readonly Stage[];
  readonly rounds: number;
  /** How long it will take, in seconds. */
  readonly seconds: number;
}

/**
 * Seconds of one sample. `main`: weft and what it is held against, on the two wires that the targets speak of; `other`: the
 * other wires, and the other overlays, whose factors are so large that a shorter look does.
 */
const SECONDS: Readonly<
  Record<string, { readonly main: number; readonly other: number; readonly quick: number }>
> = {
  'tcp-1': { main: 3, other: 3, quick: 2 },
  'tcp-8': { main: 2, other: 1, quick: 1 },
  'tcp-64': { main: 2, other: 1, quick: 1 },
  'both-ways': { main: 2, other: 1, quick: 1 },
  'udp-64': { main: 1, other: 0.5, quick: 0.7 },
  'udp-512': { main: 0.7, other: 0.5, quick: 0.5 },
  'udp-1400': { main: 0.7, other: 0.5, quick: 0.5 },
  'rr-idle': { main: 1, other: 0.5, quick: 0.7 },
  'rr-loaded': { main: 1.5, other: 0.5, quick: 0.5 },
  connections: { main: 0.7, other: 0.5, quick: 0.5 },
};
const MAIN_UNDERLAYS = ['wire-like', 'veth'];
/** What --quick measures: most of what the targets ask for. */
const QUICK: Readonly<Record<string, readonly string[]>> = {
  'wire-like': ['tcp-1', 'tcp-64', 'udp-64', 'rr-idle', IDLE],
  veth: ['tcp-1'],
  '1gbit': ['tcp-1'],
};
const QUICK_PEER_MEASURES = ['tcp-1'];
/** Where the other overlays are measured unless underlays are asked for. */
const PEER_UNDERLAYS = ['wire-like'];
const ROUNDS = 5;
const QUICK_ROUNDS = 3;
const IDLE_SECONDS = 10;

/** For the estimate: what a sample takes beside its seconds (programs start, a flood warms up), and what a lab takes. */
const SAMPLE_OVERHEAD: Readonly<Record<string, number>> = { udp: 0.8, 'rr-loaded': 1.5 };
const DEFAULT_OVERHEAD = 0.4;
const BUILD_SECONDS = 1.5;

/** `peers` may be empty. Throws RangeError with what is known when nothing of what was asked for exists. */
export function makePlan(wishes: Wishes, base: readonly Subject[], peers: readonly Subject[]): Plan {
  const underlays = chosen(
    UNDERLAYS,
    ({ id }) => id,
    wishes.underlays ?? defaultUnderlays(wishes),
    'underlay',
  );
  const measures = wishes.measures ?? [...MEASURES.map(({ id }) => id), IDLE];
  chosen([...MEASURES, { id: IDLE }], ({ id }) => id, measures, 'measure');
  const names = [...base, ...peers].map(({ name }) => name);
  const only = wishes.only ?? names;
  chosen(names, name => name, only, 'subject');
  const rounds = wishes.rounds ?? (wishes.quick ? QUICK_ROUNDS : ROUNDS);
  const stages = underlays.map(stage).filter(({ subjects }) => subjects.length > 0);
  return { stages, rounds, seconds: stages.reduce((sum, next) => sum + stageSeconds(next, rounds), 0) };

  function stage(underlay: Underlay): Stage {
    const asked = wishes.underlays !== undefined || PEER_UNDERLAYS.includes(underlay.id);
    const subjects = [...base, ...(asked ? peers : [])].filter(({ name }) => only.includes(name));
    const cells = MEASURES.filter(({ id }) => measures.includes(id)).flatMap(measure =>
      subjects
        .filter(subject => wishes.measures !== undefined || isDefault(measure.id, underlay, subject))
        .map(subject => ({ subject, measure, seconds: sampleSeconds(measure, underlay, subject) })),
    );
    const idle = measures.includes(IDLE) && (!wishes.quick || QUICK[underlay.id]?.includes(IDLE) === true);
    return { underlay, subjects, cells, idleSeconds: idle ? (wishes.seconds ?? IDLE_SECONDS) : 0 };
  }

  function isDefault(measure: string, underlay: Underlay, subject: Subject): boolean {
    if (!wishes.quick) return true;
    if (peers.includes(subject)) return QUICK_PEER_MEASURES.includes(measure);
    return (QUICK[underlay.id] ?? QUICK_PEER_MEASURES).includes(measure);
  }

  function sampleSeconds(measure: Measure, underlay: Underlay, subject: Subject): number {
    const seconds = wishes.seconds ?? defaultSeconds(measure.id, underlay, subject);
    return measure.wholeSeconds === true ? Math.max(1, Math.round(seconds)) : seconds;
  }

  function defaultSeconds(measure: string, underlay: Underlay, subject: Subject): number {
    const seconds = SECONDS[measure];
    if (seconds === undefined) throw new RangeError(`${measure} has no length of a sample`);
    const isMain = MAIN_UNDERLAYS.includes(underlay.id) && !peers.includes(subject);
    if (wishes.quick) return peers.includes(subject) ? 1 : seconds.quick;
    return isMain ? seconds.main : seconds.other;
  }
}

/** Of the peers only Open vSwitch is in a target. */
export function quickPeers(peers: readonly Subject[]): readonly Subject[] {
  return peers.filter(({ name }) => name === OPEN_VSWITCH);
}

/** How long one sample of a cell takes in all, in seconds: an estimate. */
export function cellSeconds({ measure, seconds }: Cell): number {
  const kind = measure.id.startsWith('udp') ? 'udp' : measure.id;
  return seconds + (SAMPLE_OVERHEAD[kind] ?? DEFAULT_OVERHEAD);
}

function stageSeconds({ subjects, cells, idleSeconds }: Stage, rounds: number): number {
  const round = cells.reduce((sum, cell) => sum + cellSeconds(cell), 0);
  return subjects.length * BUILD_SECONDS + rounds * round + idleSeconds;
}

function defaultUnderlays({ quick }: Wishes): readonly string[] {
  return quick ? Object.keys(QUICK) : UNDERLAYS.map(({ id }) => id);
}

function chosen<T>(all: readonly T[], idOf: (item: T) => string, ids: readonly string[], what: string): T[] {
  const known = all.map(idOf);
  const unknown = ids.find(id => !known.includes(id));
  if (unknown !== undefined || ids.length === 0)
    throw new RangeError(`there is no ${what} "${unknown ?? ''}": ${known.map(id => `"${id}"`).join(', ')}`);
  return all.filter(item => ids.includes(idOf(item)));
}
