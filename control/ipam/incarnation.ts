/**
 * One life of a node's disk: what its promises and its ranges belong to. A node that lost its disk, or was forgotten, is
 * somebody else, of a later generation: it has promised nothing and owns nothing.
 */
import { type Random, randomInteger } from '../random.ts';

/** generation · 2^32 + random: below 2^48. */
export type Incarnation = number & { readonly brand: 'Incarnation' };

const RANDOM_RANGE = 2 ** 32;
const MAX_GENERATION = 2 ** 16 - 1;

export function makeIncarnation(generation: number, random: Random): Incarnation {
  // 0 stands for nobody in posts.
  const low = 1 + randomInteger(random, RANDOM_RANGE - 1);
  return (Math.min(generation, MAX_GENERATION) * RANDOM_RANGE + low) as Incarnation;
}

export function generationOf(incarnation: Incarnation): number {
  return Math.floor(incarnation / RANDOM_RANGE);
}
