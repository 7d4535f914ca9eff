/**
 * The board of a simulated pool: each node has a copy, which its neighbours push to and from which they pull. A post reaches nobody,
 * one, or all at its time; what was posted between two deliveries is never seen; whatever has a way arrives in the end.
 */
import type { Clock } from '../../../dataplane/clock.ts';
import { type Random, randomInteger } from '../../random.ts';

interface Register {
  readonly version: number;
  readonly body: Uint8Array | undefined;
}

/** By origin and key. */
type Copy = Map<string, Map<string, Register>>;

export interface BoardMember {
  readonly name: string;
  readonly isRunning: boolean;
  deliver(origin: string, key: string, body: Uint8Array | undefined): void;
}

export interface BoardConditions {
  /** Of a push, 0 … 1. What is lost is pulled later. */
  readonly loss: number;
  /** Longest delay of a push, in milliseconds. */
  readonly delay: number;
}

const PULL = 1000;

export class SimulatedBoard {
  conditions: BoardConditions = { loss: 0, delay: 20 };
  /** Whether what `from` says reaches `to`. */
  isLinked: (from: string, to: string) => boolean = () => true;
  posts = 0;
  bytes = 0;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly members: BoardMember[] = [];
  private readonly copies = new Map<string, Copy>();
  private version = 0;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  add(member: BoardMember): void {
    this.members.push(member);
    this.copies.set(member.name, new Map());
    const pull = (): void => {
      this.clock.after(PULL * (0.5 + this.random.next()), pull);
      if (member.isRunning) this.pull(member);
    };
    pull();
  }

  post(origin: string, key: string, body: Uint8Array | undefined): void {
    const register = { version: ++this.version, body };
    this.posts += 1;
    this.bytes += key.length + (body?.length ?? 0);
    this.put(origin, origin, key, register);
    for (const member of this.members) {
      if (member.name === origin || this.random.next() < this.conditions.loss) continue;
      this.clock.after(1 + this.random.next() * this.conditions.delay, () => {
        if (member.isRunning && this.isLinked(origin, member.name)) this.offer(member, origin, key, register);
      });
    }
  }

  /** A node starts: what its copy has of others is told anew. `forgetsOwn`: its own posts are gone, `forgetsAll`: its copy too. */
  restart(member: BoardMember, { forgetsOwn = false, forgetsAll = false } = {}): void {
    const before = this.copies.get(member.name) ?? new Map();
    if (forgetsAll) this.copies.set(member.name, new Map());
    if (forgetsOwn || forgetsAll) {
      for (const key of before.get(member.name)?.keys() ?? []) {
        this.put(member.name, member.name, key, { version: ++this.version, body: undefined });
      }
    }
    for (const [origin, registers] of this.copies.get(member.name) ?? []) {
      if (origin === member.name) continue;
      for (const [key, { body }] of registers) {
        if (body !== undefined) member.deliver(origin, key, body);
      }
    }
  }

  private pull(member: BoardMember): void {
    const other = this.members[randomInteger(this.random, this.members.length)];
    if (other === undefined || other === member || !other.isRunning) return;
    if (!this.isLinked(other.name, member.name)) return;
    const news: [string, string, Register][] = [];
    for (const [origin, registers] of this.copies.get(other.name) ?? []) {
      for (const [key, register] of registers) {
        if (register.version > this.versionOf(member.name, origin, key)) news.push([origin, key, register]);
      }
    }
    for (const [origin, key, register] of news) this.offer(member, origin, key, register);
  }

  private offer(member: BoardMember, origin: string, key: string, register: Register): void {
    if (origin === member.name || register.version <= this.versionOf(member.name, origin, key)) return;
    this.put(member.name, origin, key, register);
    member.deliver(origin, key, register.body);
  }

  private versionOf(holder: string, origin: string, key: string): number {
    return this.copies.get(holder)?.get(origin)?.get(key)?.version ?? 0;
  }

  private put(holder: string, origin: string, key: string, register: Register): void {
    const copy = this.copies.get(holder);
    const registers = copy?.get(origin) ?? new Map<string, Register>();
    copy?.set(origin, registers);
    registers.set(key, register);
  }
}
