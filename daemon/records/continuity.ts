/** What this node knew of others goes from one of its processes to the next: saved as it changes, used until the pool has told. */
import type { MemberEvent } from '../../control/events.ts';
import type { RecordEvent } from '../../control/records/events.ts';
import type { RecordLog } from '../../control/records/record-log.ts';
import type { MacAddress, Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { VtepSpec } from '../../dataplane/commands.ts';
import type { Log } from '../log.ts';
import { ClaimMemory } from './claim-memory.ts';
import type { ClaimSource } from './reconciler.ts';
import { RememberedClaims } from './remembered-claims.ts';

export interface ContinuityModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly records: RecordLog;
}

export interface ContinuityOptions {
  readonly self: string;
  readonly runDirectory: string;
  readonly vnis: () => readonly Vni[];
  /** Claims that are remembered no longer. */
  readonly onForgotten: (vni: Vni, macs: readonly MacAddress[]) => void;
}

export class Continuity {
  private readonly memory: ClaimMemory;
  private readonly remembered: RememberedClaims;

  /** Reads what the process before has left. */
  constructor(modules: ContinuityModules, options: ContinuityOptions) {
    this.memory = new ClaimMemory(modules, { ...options, held: () => this.remembered.carriers });
    this.remembered = new RememberedClaims(modules, { ...options, carriers: this.memory.load() });
  }

  /** What is known, and what is remembered where nothing is. */
  get claims(): ClaimSource {
    return this.remembered;
  }

  start(): void {
    this.remembered.start();
  }

  stop(): void {
    this.remembered.stop();
    this.memory.stop();
  }

  /** As {@link ClaimMemory.rewrite}. */
  rewrite(): void {
    this.memory.rewrite();
  }

  withRemembered(vni: Vni, vteps: readonly VtepSpec[]): readonly VtepSpec[] {
    return this.remembered.withRemembered(vni, vteps);
  }

  onEvent(event: Exclude<RecordEvent, { readonly type: 'posted' }>): void {
    if (event.type === 'originTells') this.remembered.originTells(event.vni, event.origin);
    if ('vni' in event) this.memory.changed();
  }

  memberChanged({ type, member }: MemberEvent): void {
    if (type === 'memberDown' || type === 'memberLeft') this.remembered.originGone(member.name);
  }
}
