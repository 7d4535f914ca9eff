/** Who should vote. Always an odd number where there is a choice: a second voter beside one bears no death, and adds one that stops it. */
import type { CouncilState } from './council-state.ts';
import { MAX_VOTERS } from './limits.ts';

export interface Health {
  readonly isAlive: (node: string) => boolean;
  /** For long enough to be replaced. */
  readonly isLost: (node: string) => boolean;
}

/**
 * The names of the next voters; undefined: it is as it should be. Live nodes that own space come first. A voter that is lost is
 * replaced, not just removed: it may be back before another one is lost for good.
 */
export function nextVoters(state: CouncilState, { isAlive, isLost }: Health): string[] | undefined {
  const current = state.voters.map(({ name }) => name);
  const candidates = candidatesOf(state).filter(name => !current.includes(name) && isAlive(name));
  const kept = current.filter(name => !isLost(name));
  const lost = current.filter(name => isLost(name));
  const names = [...kept, ...candidates].slice(0, MAX_VOTERS);
  // Lost ones only to keep the number up.
  for (const name of lost) if (names.length < current.length) names.push(name);
  // The last that came goes: a candidate, or a lost one if there is one.
  if (names.length % 2 === 0) names.pop();
  const isSame = names.length === current.length && current.every(name => names.includes(name));
  return isSame || names.length === 0 ? undefined : names;
}

function candidatesOf(state: CouncilState): string[] {
  const owners = new Set<string>();
  for (const space of state.spaces) for (const [, owner] of space.entries()) owners.add(owner);
  const live = [...state.nodes.keys()].filter(name => state.live(name) !== undefined).sort();
  return [...live.filter(name => owners.has(name)), ...live.filter(name => !owners.has(name))];
}
