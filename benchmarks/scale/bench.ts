/** What each scale benchmark is given and gives. */
import type { Lab, LabOptions } from '../../daemon/lab/lab.ts';
import type { ScaleResult } from './curve.ts';

export interface ScaleModules {
  /** Makes a lab that is removed when the benchmark is over, whichever way. */
  readonly makeLab: (options: LabOptions) => Promise<Lab>;
  /** Tells a person how far it is. */
  readonly log: (line: string) => void;
}

export interface ScaleOptions {
  /** The ends of each curve only, and shorter measurements. */
  readonly quick: boolean;
  readonly rounds: number;
  /** How long one measurement takes. */
  readonly seconds: number;
}

export type ScaleBenchmark = (modules: ScaleModules, options: ScaleOptions) => Promise<ScaleResult>;

/** The points of a curve: the first and the last of them in a hurry. */
export function pick(points: readonly number[], { quick }: ScaleOptions): number[] {
  return quick ? [points[0], points.at(-1)].filter(point => point !== undefined) : [...points];
}
