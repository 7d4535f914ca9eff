/** What the control plane tells the daemon. */
import type { IpAddress } from '../dataplane/address.ts';
import type { Contact } from './contact.ts';
import type { MemberState } from './stream.ts';
import type { Tags } from './tags.ts';

/** A member of the pool, as it was when this was made. */
export interface GossipMember {
  readonly name: string;
  readonly address: IpAddress;
  readonly port: number;
  readonly state: MemberState;
  readonly incarnation: number;
  /** Empty if the member's metadata does not hold tags. */
  readonly tags: Tags;
  /** `clock.now()` of the last ack, datagram or stream that came from it; null if none has. */
  readonly lastSeen: number | null;
  /** What our probes of it have shown. */
  readonly contact: Contact;
}

/**
 * - `memberUp`: new, or back from `dead` or `left`, then perhaps at another address.
 * - `memberUpdated`: still up, with other tags, or no longer a suspect.
 * - `memberSuspect`: it does not answer; it may be dead.
 * - `memberDown`: it is held for dead. `memberLeft`: it said that it leaves.
 * - `memberReaped`: a dead or departed member is forgotten.
 */
export type MemberEventType =
  | 'memberUp'
  | 'memberUpdated'
  | 'memberSuspect'
  | 'memberDown'
  | 'memberLeft'
  | 'memberReaped';

export interface MemberEvent {
  readonly type: MemberEventType;
  readonly member: GossipMember;
}

/**
 * Another node of our name is in the pool and has the older right to it. Fatal: gossip has fallen silent, so as not to
 * disturb the other one, and the daemon should end.
 */
interface NameConflictEvent {
  readonly type: 'nameConflict';
  readonly name: string;
  /** Where the other one is, as ADDRESS:PORT. */
  readonly address: string;
}

export type GossipEvent = MemberEvent | NameConflictEvent;
