/** Why an address is where it is: all claims of it, how each stands, and which rule decided. For operators. */
import { bestClaim, type Claim, decidingRule, type PlacedClaim, type Rule } from './claim.ts';
import type { VtepRecord } from './record.ts';

/** A claim and what is known of its origin. */
export interface KnownClaim {
  readonly claim: Claim;
  readonly vtep: VtepRecord | undefined;
  /** Its origin is there. */
  readonly isShown: boolean;
}

/** One claim and how it stands. */
export interface ExplainedClaim {
  readonly claim: Claim;
  readonly vtep: VtepRecord | undefined;
  /**
   * `winner`; `outranked` by the winner; `hidden`: its origin is not there; `parked`: its VTEP is not known yet;
   * `deleted`: taken back.
   */
  readonly standing: 'winner' | 'outranked' | 'hidden' | 'parked' | 'deleted';
  /** For the winner against the runner-up, and for the outranked against the winner. */
  readonly rule: Rule | undefined;
}

export interface Explanation {
  readonly claims: readonly ExplainedClaim[];
  /** Contested moves within the last 180 s. */
  readonly moves: number;
}

/** How each claim of one address stands. `winner`: the best of those that can be followed. */
export function explainClaims(
  known: readonly KnownClaim[],
  winner: PlacedClaim | undefined,
): readonly ExplainedClaim[] {
  const rivals = known.flatMap(one => (one.claim.origin === winner?.origin ? [] : (placed(one) ?? [])));
  const runnerUp = bestClaim(rivals);
  return known.map(one => {
    const { claim, vtep, isShown } = one;
    const candidate = placed(one);
    if (candidate === undefined || winner === undefined) {
      const standing = claim.deleted ? 'deleted' : isShown ? 'parked' : 'hidden';
      return { claim, vtep, standing, rule: undefined };
    }
    if (claim.origin !== winner.origin) {
      return { claim, vtep, standing: 'outranked', rule: decidingRule(winner, candidate) };
    }
    const rule = runnerUp === undefined ? undefined : decidingRule(winner, runnerUp);
    return { claim, vtep, standing: 'winner', rule };
  });
}

/** The claim, if frames can follow it. */
export function placed({ claim, vtep, isShown }: KnownClaim): PlacedClaim | undefined {
  return isShown && vtep !== undefined && !claim.deleted ? { ...claim, vtep } : undefined;
}
