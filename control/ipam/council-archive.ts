/** The saved state of the council: a voter's is always the newest, others do not write a thousand ranges for each grant. */
import type { CouncilState, NodeEntry } from './council-state.ts';
import type { SavedState } from './host.ts';
import { SNAPSHOT_INTERVAL } from './limits.ts';

export class CouncilArchive {
  private bytes: Uint8Array | undefined;
  private number = -1;
  private entry: NodeEntry | undefined;

  constructor(saved: Uint8Array | undefined) {
    this.bytes = saved;
  }

  /** Whether the state has to be saved now: a voter's, what changes us, and what is old. */
  isDue(state: CouncilState, name: string, isVoter: boolean): boolean {
    return isVoter || state.nodes.get(name) !== this.entry || state.number - this.number >= SNAPSHOT_INTERVAL;
  }

  pack({
    local,
    vote,
    state,
    name,
  }: {
    readonly local: Uint8Array;
    readonly vote: Uint8Array;
    readonly state: CouncilState | undefined;
    readonly name: string;
  }): SavedState {
    if (state !== undefined && (state.number !== this.number || this.bytes === undefined)) {
      this.bytes = state.encode();
      this.number = state.number;
      this.entry = state.nodes.get(name);
    }
    return { local, vote, council: this.bytes };
  }
}
