/** What a soak leaves, as it stands in its JSON file. */
import type { Machine } from '../results.ts';
import type { Capacity } from './capacity.ts';
import type { DaemonSample } from './daemon-sample.ts';
import type { Mishap } from './mishaps.ts';
import type { RestSample } from './rest.ts';
import type { SmallFigures } from './small.ts';

export interface Window extends SmallFigures {
  /** Seconds from the begin of the load to the end of the window. */
  readonly second: number;
  /** What of the bulk arrived, Mbit/s of payload; 0: the stream has broken. */
  readonly deliveredMbit: number;
  /** Of all processors of the machine, what was busy, 0 to 1: near 1 nobody can hold a pace. */
  readonly busyShare: number;
  readonly daemons: readonly DaemonSample[];
}

export interface Soak {
  readonly about: Omit<Machine, 'versions'> & {
    readonly attach: string;
    readonly seconds: number;
    readonly windowSeconds: number;
    /** What the bulk offered. */
    readonly offeredMbit: number;
    /** Windows that do not count: memory grows to what the load needs. */
    readonly warmUpWindows: number;
  };
  readonly capacity: { readonly before: Capacity; readonly after: Capacity };
  readonly rest: { readonly before: readonly RestSample[]; readonly after: readonly RestSample[] };
  readonly windows: readonly Window[];
  /** What was done beside the traffic → how often. */
  readonly done: Readonly<Record<string, number>>;
  readonly mishaps: readonly Mishap[];
}
