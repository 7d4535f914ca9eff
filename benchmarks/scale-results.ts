/**
 * What `npm run bench -- scale --write` left in docs/benchmarks/scale.json, as far as targets speak of it. Each point of a
 * curve becomes a result of the underlay "scale": the metric is CURVE of BENCHMARK, as in "entries-tcp", and the subject the
 * system with the size, as in "weft bridge at 50000".
 */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { Result } from './results.ts';

const FILE = z.object({
  results: z.array(
    z.object({
      id: z.string(),
      curves: z.array(
        z.object({
          id: z.string(),
          series: z.array(
            z.object({
              system: z.string(),
              points: z.array(z.object({ x: z.number(), samples: z.array(z.number()) })),
            }),
          ),
        }),
      ),
    }),
  ),
});

export const SCALE = 'scale';

/** Throws when the text is no such file. */
export function scaleResults(json: string): Result[] {
  const { results } = FILE.parse(JSON.parse(json));
  return results.flatMap(({ id, curves }) =>
    curves.flatMap(curve =>
      curve.series.flatMap(({ system, points }) =>
        points.map(({ x, samples }) => ({
          underlay: SCALE,
          metric: `${id}-${curve.id}`,
          subject: atSize(system, x),
          samples,
        })),
      ),
    ),
  );
}

/** Nothing where there is no such file. */
export function readScaleResults(path: URL): Result[] {
  let json: string;
  try {
    json = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return scaleResults(json);
}

export function atSize(system: string, size: number): string {
  return `${system} at ${size}`;
}
