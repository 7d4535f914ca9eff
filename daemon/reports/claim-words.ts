/** Why a claim stands as it does, in words: the rules of control/records/claim.ts for people. All functions here are pure. */
import { bestClaim, type PlacedClaim } from '../../control/records/claim.ts';
import type { ExplainedClaim } from '../../control/records/claim-view.ts';

/** Claims that frames can follow, of those explained: the winner, and the best of the others. */
export interface Contest {
  readonly winner: PlacedClaim | undefined;
  readonly runnerUp: PlacedClaim | undefined;
}

export function contestOf(claims: readonly ExplainedClaim[]): Contest {
  const placed = (standing: ExplainedClaim['standing']): PlacedClaim[] =>
    claims.flatMap(({ claim, vtep, standing: is }) =>
      is === standing && vtep !== undefined ? [{ ...claim, vtep }] : [],
    );
  return { winner: placed('winner')[0], runnerUp: bestClaim(placed('outranked')) };
}

export function whyOf({ claim, vtep, standing, rule }: ExplainedClaim, contest: Contest): string {
  switch (standing) {
    case 'winner':
      return whyItWins(claim.mobility, vtep?.address, rule, contest.runnerUp);
    case 'outranked':
      return whyItLoses(claim.mobility, vtep?.address, rule, contest.winner);
    case 'hidden':
      return 'its node is not there (dead, unreachable, or without this network now)';
    case 'parked':
      return 'its node has not told its VTEP yet';
    case 'deleted':
      return 'its node took it back; only its counter is remembered';
  }
}

function whyItWins(
  counter: number,
  vtep: string | undefined,
  rule: ExplainedClaim['rule'],
  next: PlacedClaim | undefined,
): string {
  if (rule === undefined || next === undefined) return 'no other node that is there claims it';
  switch (rule) {
    case 'sticky':
      return 'it is sticky, so it must not move, and stands before claims that are not';
    case 'frozen':
      return 'it is frozen, for it moved too often, and is held where it is';
    case 'mobility':
      return `its counter is the highest (${counter}, that of ${next.origin} is ${next.mobility}), for it moved there last`;
    case 'vtep':
      return next.vtep.address === vtep
        ? `two nodes have VTEP ${vtep}, which is a mistake; of equal counters (${counter}) the first name wins`
        : `counters are equal (${counter}), and then the lowest VTEP address wins`;
  }
}

function whyItLoses(
  counter: number,
  vtep: string | undefined,
  rule: ExplainedClaim['rule'],
  winner: PlacedClaim | undefined,
): string {
  const name = winner?.origin ?? 'another node';
  switch (rule) {
    case 'sticky':
      return `the claim of ${name} is sticky, so it must not move`;
    case 'frozen':
      return `the claim of ${name} is frozen, for the address moved too often, and is held there`;
    case 'mobility':
      return `the counter of ${name} is higher (${winner?.mobility} against ${counter}), for it moved there last`;
    case 'vtep':
    case undefined:
      return winner?.vtep.address === vtep
        ? `${name} has the same VTEP ${vtep}, which is a mistake; of equal counters (${counter}) the first name wins`
        : `counters are equal (${counter}), and the VTEP address of ${name} is lower`;
  }
}
