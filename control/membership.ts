/** Takes news of members from gossip, streams and our own probes; keeps the table, tells others and the daemon. */
import type { Clock } from '../dataplane/clock.ts';
import type { BroadcastQueue } from './broadcast-queue.ts';
import { type GossipProfile, MAX_INCARNATION, MAX_MEMBERS } from './constants.ts';
import type { Counters } from './counters.ts';
import { type Endpoint, formatEndpoint, sameEndpoint } from './endpoint.ts';
import type { MemberEventType } from './events.ts';
import type { Health } from './health.ts';
import type { LocalNode } from './local-node.ts';
import type { Log } from './log.ts';
import type { MemberTable } from './member-table.ts';
import { isUp, judgeAlive, judgeDead, judgeSuspect, type Member } from './members.ts';
import { type Alive, type Dead, encodeMessage, type Suspect } from './message.ts';
import { Suspicion, suspicionBounds } from './suspicion.ts';
import { refuseAlive, refuseName } from './validity.ts';

export interface MembershipModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly table: MemberTable;
  readonly queue: BroadcastQueue;
  readonly local: LocalNode;
  readonly health: Health;
}

export interface MembershipOptions {
  readonly profile: GossipProfile;
  readonly onEvent: (type: MemberEventType, member: Member) => void;
  /** Probes a member once, directly and indirectly, and reports whether it has answered. */
  readonly lastProbe: (member: Member, done: (isThere: boolean) => void) => void;
  /** Our name is said to be alive at another address. */
  readonly onNamesake: (at: Endpoint, incarnation: number) => void;
}

export class Membership {
  private readonly modules: MembershipModules;
  private readonly options: MembershipOptions;
  private readonly suspicions = new Map<string, Suspicion>();

  constructor(modules: MembershipModules, options: MembershipOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** `tell`: whether to spread it, if it is news. */
  alive(news: Alive, tell = true): void {
    const { counters, local, log, table } = this.modules;
    const refusal = refuseAlive(news);
    if (refusal !== undefined) {
      counters.countDrop(refusal);
      return;
    }
    if (news.node === local.name) {
      this.aliveSelf(news);
      return;
    }
    const known = table.get(news.node);
    const verdict = judgeAlive(known, news);
    if (verdict === 'addressConflict') {
      counters.countDrop('addressConflict');
      // The two who share the name log it as an error; for the others it is a detail, and said again and again.
      const fields = {
        peer: news.node,
        address: formatEndpoint(news),
        reason: known && `known at ${formatEndpoint(known)}`,
      };
      log.debug(fields, 'a live name is claimed from another address');
    } else if (verdict === 'accept') {
      if (known === undefined && !this.makeRoom()) counters.countDrop('tableFull');
      else this.acceptAlive(news, known, tell);
    }
  }

  /**
   * Takes a suspicion. If it is older than what we know, returns what we know: who sends it has missed a refutation
   * or a farewell, and would come to hold a live member for dead. SWIM leaves that to chance; the answer costs one
   * message.
   */
  suspect(news: Suspect): Alive | Dead | undefined {
    const { local, queue, table } = this.modules;
    if (!this.isAcceptable(news)) return undefined;
    if (news.node === local.name) {
      return this.refute(news);
    }
    const known = table.get(news.node);
    const verdict = judgeSuspect(known, news.incarnation);
    if (known === undefined) return undefined;
    if (verdict === 'stale') return correction(known, news);
    if (verdict === 'confirm') {
      if (this.suspicions.get(news.node)?.confirm(news.from)) queue.push(news.node, encodeMessage(news));
      return undefined;
    }
    this.startSuspicion(news.node, news.from);
    this.change(known, { state: 'suspect', incarnation: news.incarnation });
    queue.push(news.node, encodeMessage(news));
    if (known.state !== 'suspect') this.emit('memberSuspect', news.node);
    return undefined;
  }

  /** Takes a death or a farewell; returns as {@link suspect} does. */
  dead(news: Dead): Alive | Dead | undefined {
    const { local, queue, table } = this.modules;
    if (!this.isAcceptable(news)) return undefined;
    if (news.node === local.name) {
      return this.refute(news);
    }
    const known = table.get(news.node);
    const verdict = judgeDead(known, news);
    if (known === undefined) return undefined;
    if (verdict === 'stale') return correction(known, news);
    this.endSuspicion(news.node);
    this.change(known, { state: verdict, incarnation: news.incarnation });
    queue.push(news.node, encodeMessage(news));
    this.emit(verdict === 'left' ? 'memberLeft' : 'memberDown', news.node);
    return undefined;
  }

  /** Our name is known at another address, in a life that is not over there. */
  namesake(at: Endpoint, incarnation: number): void {
    if (!this.modules.local.leaving) this.options.onNamesake(at, incarnation);
  }

  /** Forgets the dead and departed whose time has come. */
  reap(): void {
    const { deadRetention, leftRetention } = this.options.profile;
    const now = this.modules.clock.now();
    for (const member of [...this.modules.table.all()]) {
      if (isUp(member.state)) continue;
      if (now - member.since >= (member.state === 'left' ? leftRetention : deadRetention))
        this.forget(member);
    }
  }

  close(): void {
    for (const suspicion of this.suspicions.values()) suspicion.cancel();
    this.suspicions.clear();
  }

  private aliveSelf(news: Alive): void {
    const { local } = this.modules;
    if (local.leaving) return;
    if (!sameEndpoint(news, local.endpoint)) {
      this.namesake(news, news.incarnation);
      return;
    }
    const isOurs = news.incarnation === local.incarnation && Buffer.compare(news.meta, local.meta) === 0;
    // A former life at this address that the pool remembers: it must not be taken for the newer one.
    if (news.incarnation >= local.incarnation && !isOurs) local.outbid(news.incarnation);
  }

  private acceptAlive(news: Alive, known: Member | undefined, tell: boolean): void {
    const { clock, queue, table } = this.modules;
    this.endSuspicion(news.node);
    const { address, port, incarnation, meta, version } = news;
    const since = known?.state === 'alive' ? known.since : clock.now();
    table.set({ name: news.node, address, port, incarnation, meta, version, state: 'alive', since });
    if (tell) queue.push(news.node, encodeMessage(news));
    if (known === undefined || !isUp(known.state)) this.emit('memberUp', news.node);
    else if (known.state === 'suspect' || Buffer.compare(known.meta, meta) !== 0) {
      this.emit('memberUpdated', news.node);
    }
  }

  /** SWIM section 4.2: a member that hears it is suspected says that it is alive, with a higher incarnation. */
  private refute({ incarnation, from }: Suspect | Dead): Alive | undefined {
    const { local, log } = this.modules;
    if (local.leaving) return undefined;
    if (incarnation < local.incarnation) return local.alive();
    log.info({ peer: from, incarnation }, 'refuting our own suspicion or death');
    local.outbid(incarnation);
    // Who is taken for dead may have been slow to answer.
    this.modules.health.change(+1);
    return undefined;
  }

  private startSuspicion(name: string, accuser: string): void {
    this.endSuspicion(name);
    const bounds = suspicionBounds(this.options.profile, this.modules.table.poolSize);
    const suspicion = new Suspicion(this.modules, { bounds, accuser, onTimeout: () => this.giveUp(name) });
    this.suspicions.set(name, suspicion);
  }

  /**
   * The time of a suspect is over. A last probe, of which the suspect hears what it is accused of: without it each
   * member that happens to miss a refutation would come to a false verdict for all others to hear.
   */
  private giveUp(name: string): void {
    const { local, table } = this.modules;
    const suspect = table.get(name);
    if (suspect?.state !== 'suspect') return;
    this.options.lastProbe(suspect, isThere => {
      const known = table.get(name);
      if (known?.state !== 'suspect' || known.incarnation !== suspect.incarnation) return;
      if (isThere) this.startSuspicion(name, local.name);
      else this.dead({ type: 'dead', node: name, incarnation: known.incarnation, from: local.name });
    });
  }

  private endSuspicion(name: string): void {
    this.suspicions.get(name)?.cancel();
    this.suspicions.delete(name);
  }

  private change(known: Member, to: Pick<Member, 'state' | 'incarnation'>): void {
    this.modules.table.set({ ...known, ...to, since: this.modules.clock.now() });
  }

  /** Makes room in a full table at the cost of whoever is gone for longest. */
  private makeRoom(): boolean {
    const { table } = this.modules;
    if (table.size < MAX_MEMBERS) return true;
    let oldest: Member | undefined;
    for (const member of table.all()) {
      if (!isUp(member.state) && member.since < (oldest?.since ?? Number.POSITIVE_INFINITY)) oldest = member;
    }
    if (oldest === undefined) return false;
    this.forget(oldest);
    return true;
  }

  private forget(member: Member): void {
    this.modules.table.delete(member.name);
    this.options.onEvent('memberReaped', member);
  }

  private emit(type: MemberEventType, name: string): void {
    const member = this.modules.table.get(name);
    if (member !== undefined) this.options.onEvent(type, member);
  }

  private isAcceptable(news: Suspect | Dead): boolean {
    const refusal =
      refuseName(news.node) ??
      refuseName(news.from) ??
      (news.incarnation >= MAX_INCARNATION ? 'badIncarnation' : undefined);
    if (refusal !== undefined) this.modules.counters.countDrop(refusal);
    return refusal === undefined;
  }
}

/** What tells an accuser better: that the member has refuted it already, or is known to be gone. */
function correction(known: Member, accusation: Suspect | Dead): Alive | Dead | undefined {
  const { name: node, address, port, incarnation, meta, version, state } = known;
  switch (state) {
    case 'alive':
      if (incarnation <= accusation.incarnation) return undefined;
      return { type: 'alive', node, address, port, incarnation, meta, version };
    case 'left':
      return accusation.from === node ? undefined : { type: 'dead', node, incarnation, from: node };
    case 'dead':
    case 'suspect':
      return undefined;
  }
}
