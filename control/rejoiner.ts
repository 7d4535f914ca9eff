/**
 * Tries where members were once (peer-memory.ts) and none is up now: it brings a node back that has nobody to join, and heals
 * a pool that split for so long that both sides have forgotten each other. The configured addresses are the joiner's.
 */
import type { Clock } from '../dataplane/clock.ts';
import type { GossipProfile } from './constants.ts';
import { type Endpoint, formatEndpoint, sameEndpoint } from './endpoint.ts';
import type { Exchanger } from './exchanger.ts';
import type { LocalNode } from './local-node.ts';
import type { Log } from './log.ts';
import type { MemberTable } from './member-table.ts';
import { isUp } from './members.ts';
import { type Random, shuffle } from './random.ts';
import { Repeater } from './repeater.ts';

/** Alone, so many are tried at a time; in a pool one. */
const ALONE_FANOUT = 4;

/** Alone, it is tried so often, in milliseconds. */
const ALONE_INTERVAL = 2000;

export interface RejoinerModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly table: MemberTable;
  readonly local: LocalNode;
  readonly exchanger: Pick<Exchanger, 'exchange'>;
  readonly remembered: () => readonly Endpoint[];
}

export class Rejoiner {
  private readonly modules: RejoinerModules;
  private readonly repeater: Repeater;
  private underWay = 0;

  constructor(modules: RejoinerModules, options: { readonly profile: GossipProfile }) {
    this.modules = modules;
    const { table } = modules;
    const wait = (): number => (table.upCount === 0 ? ALONE_INTERVAL : options.profile.rejoinInterval);
    this.repeater = new Repeater(modules, { wait, action: () => this.try() });
  }

  /** The first look is soon: if it finds us in a pool, the next is as late as any. */
  start(): void {
    this.repeater.start(this.modules.random.next() * ALONE_INTERVAL);
  }

  stop(): void {
    this.repeater.stop();
  }

  private try(): void {
    const { exchanger, log, random, remembered, table } = this.modules;
    if (this.underWay > 0) return;
    const missing = shuffle(
      random,
      remembered().filter(endpoint => this.isMissing(endpoint)),
    );
    for (const endpoint of missing.slice(0, table.upCount === 0 ? ALONE_FANOUT : 1)) {
      this.underWay += 1;
      exchanger.exchange(endpoint, true, error => {
        this.underWay -= 1;
        const address = formatEndpoint(endpoint);
        if (error === undefined) log.info({ address }, 'exchanged members with a remembered address');
        else log.debug({ address, reason: error }, 'nobody at a remembered address');
      });
    }
  }

  private isMissing(endpoint: Endpoint): boolean {
    if (sameEndpoint(endpoint, this.modules.local.endpoint)) return false;
    const member = this.modules.table.at(endpoint);
    return member === undefined || !isUp(member.state);
  }
}
