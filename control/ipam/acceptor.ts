/**
 * The acceptor of one instance of Paxos (Lamport, Paxos Made Simple, 2001, section 2.2) as pure functions. Instances follow
 * one another: a voter takes part in n + 1 when it knows decision n, and remembers nothing of n then, since whoever asks for it
 * is told the decision.
 */

export interface Proposal {
  readonly ballot: number;
  readonly value: Uint8Array;
}

/** What a voter must never forget: it is saved before anybody is told. */
export interface Vote {
  readonly instance: number;
  /** The highest ballot it has promised not to go below; 0: none. */
  readonly promised: number;
  readonly accepted: Proposal | undefined;
}

/** The vote in this instance of one who has not been asked yet. */
export function freshVote(instance: number): Vote {
  return { instance, promised: 0, accepted: undefined };
}

/** P1b of the paper. Undefined: nothing changes. */
export function promise(vote: Vote, ballot: number): Vote | undefined {
  return ballot > vote.promised ? { ...vote, promised: ballot } : undefined;
}

/** P2b. Undefined: it was promised not to, or is done already. */
export function accept(vote: Vote, proposal: Proposal): Vote | undefined {
  if (proposal.ballot < vote.promised || proposal.ballot === vote.accepted?.ballot) return undefined;
  return { ...vote, promised: proposal.ballot, accepted: proposal };
}

/** What a proposer must propose that these have promised to: P2c. Undefined: he is free. */
export function boundValue(promises: readonly Vote[]): Uint8Array | undefined {
  let highest: Proposal | undefined;
  for (const { accepted } of promises) {
    if (accepted !== undefined && accepted.ballot > (highest?.ballot ?? 0)) highest = accepted;
  }
  return highest?.value;
}

/** The value that a majority has accepted in one ballot, if there is one. */
export function chosenValue(votes: readonly Vote[], majority: number): Uint8Array | undefined {
  for (const { accepted } of votes) {
    const count = votes.filter(vote => vote.accepted?.ballot === accepted?.ballot).length;
    if (accepted !== undefined && count >= majority) return accepted.value;
  }
  return undefined;
}

/** Ballots of the voters of one instance are disjoint: `place` is that among them. At most 8 voters. */
export function makeBallot(round: number, place: number): number {
  return round * 8 + place;
}

export function roundOf(ballot: number): number {
  return Math.floor(ballot / 8);
}
