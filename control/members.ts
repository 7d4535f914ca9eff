/**
 * What is known of a member, and whether news of it is newer (SWIM section 4.2). All functions here are pure.
 *
 * SWIM orders news of one member by its incarnation, which only the member itself raises:
 *   alive(i)   overrides suspect(j), alive(j)  if i > j
 *   suspect(i) overrides suspect(j)            if i > j,   alive(j) if i >= j
 *   dead(i)    overrides alive(j), suspect(j)  if i >= j   (memberlist; SWIM's confirm overrides any)
 * memberlist adds: alive(i) overrides dead(j) if i > j, so that the dead can return.
 */
import type { Endpoint } from './endpoint.ts';
import { sameEndpoint } from './endpoint.ts';
import type { MemberState } from './stream.ts';

export interface Member extends Endpoint {
  readonly name: string;
  readonly incarnation: number;
  readonly state: MemberState;
  /** When `state` was entered, by the local clock, in milliseconds. */
  readonly since: number;
  readonly meta: Uint8Array;
  readonly version: Uint8Array;
}

/** Alive and suspect members are in use: probed, gossiped to, counted in the size of the pool. */
export function isUp(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect';
}

export interface AliveNews extends Endpoint {
  readonly incarnation: number;
}

/**
 * - `accept`: newer than what is known.
 * - `stale`: known, or older.
 * - `addressConflict`: the name is in use at another address. Two nodes have one name, or the node moved faster than
 *   its death was noticed; in both cases what is known stands until it is dead.
 */
export function judgeAlive(
  known: Member | undefined,
  news: AliveNews,
): 'accept' | 'stale' | 'addressConflict' {
  if (known === undefined) return 'accept';
  if (isUp(known.state) && !sameEndpoint(known, news)) return 'addressConflict';
  return news.incarnation > known.incarnation ? 'accept' : 'stale';
}

/** - `confirm`: it is a suspect of this incarnation already, and here is one more who says so. */
export function judgeSuspect(known: Member | undefined, incarnation: number): 'accept' | 'confirm' | 'stale' {
  if (known === undefined || !isUp(known.state) || incarnation < known.incarnation) return 'stale';
  return known.state === 'suspect' && incarnation === known.incarnation ? 'confirm' : 'accept';
}

/** Whether a dead message makes the member `dead` or, coming from itself, `left`. */
export function judgeDead(
  known: Member | undefined,
  news: { readonly incarnation: number; readonly node: string; readonly from: string },
): 'dead' | 'left' | 'stale' {
  if (known === undefined || news.incarnation < known.incarnation) return 'stale';
  const verdict = news.from === news.node ? 'left' : 'dead';
  // Its own farewell may arrive after others have given it up: then it is known to have left.
  if (isUp(known.state) || (known.state === 'dead' && verdict === 'left')) return verdict;
  return 'stale';
}
