/**
 * Addresses of our containers that another node claims with more right: whoever has the container knows it by its frames. Each second
 * it is looked whether the container has sent something; then the address is claimed anew (RFC 7432 section 15: "upon learning a
 * MAC address locally"). Two containers with one address so take it from each other, until one of the nodes freezes it.
 */
import type { Assertion } from '../../control/records/own-endpoints.ts';
import type { RecordLog } from '../../control/records/record-log.ts';
import { type MacAddress, parseMac, type Vni } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { errorFields, type Log } from '../log.ts';

/** Between looks, in milliseconds. The first one only notes how far the container has come: what was under way is no evidence. */
const LOOK_INTERVAL = 1000;

export interface ContestsModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly records: Pick<RecordLog, 'owner' | 'assert' | 'mobilityOf'>;
  readonly endpoints: {
    all(): readonly Endpoint[];
    moved(hostLink: string, mobility: number): Promise<void>;
  };
  /** Frames that a container has sent so far; undefined if that cannot be told. */
  readonly framesSent: (endpoint: Endpoint) => Promise<number | undefined>;
}

interface Contest {
  readonly vni: Vni;
  readonly mac: MacAddress;
  frames: number | undefined;
  /** What was last said of it. */
  told: Assertion | undefined;
}

export class Contests {
  private readonly modules: ContestsModules;
  private readonly self: string;
  private readonly contests = new Map<string, Contest>();
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(modules: ContestsModules, options: { readonly self: string }) {
    this.modules = modules;
    this.self = options.self;
  }

  /** Our claim of this address does not hold any more. */
  lost(vni: Vni, mac: MacAddress): void {
    const key = `${vni} ${mac}`;
    if (!this.contests.has(key)) this.contests.set(key, { vni, mac, frames: undefined, told: undefined });
    this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private schedule(): void {
    if (this.isStopped || this.timer !== undefined || this.contests.size === 0) return;
    this.timer = this.modules.clock.after(LOOK_INTERVAL, () => {
      this.look()
        .catch(error => {
          if (!this.isStopped)
            this.modules.log.error(errorFields(error), 'cannot look after a contested address');
        })
        .finally(() => {
          this.timer = undefined;
          this.schedule();
        });
    });
  }

  private async look(): Promise<void> {
    for (const [key, contest] of [...this.contests]) {
      // Taken out first: what is lost again while we look is a contest of its own.
      this.contests.delete(key);
      let goesOn = true;
      try {
        goesOn = await this.lookAt(contest);
      } finally {
        if (goesOn) this.contests.set(key, contest);
      }
    }
  }

  /** Returns whether to look at it again. */
  private async lookAt(contest: Contest): Promise<boolean> {
    const { endpoints, records, framesSent } = this.modules;
    const { vni, mac } = contest;
    const endpoint = endpoints
      .all()
      .find(candidate => candidate.vni === vni && parseMac(candidate.mac) === mac);
    const owner = records.owner(vni, mac);
    if (endpoint === undefined || owner === undefined || owner.origin === this.self) return false;
    const before = contest.frames;
    contest.frames = await framesSent(endpoint);
    if (before === undefined || contest.frames === undefined || contest.frames <= before) return true;
    const assertion = records.assert(vni, mac);
    if (assertion === 'reclaimed') {
      await endpoints.moved(endpoint.hostLink, records.mobilityOf(vni, mac) ?? 0);
    }
    if (assertion !== contest.told) this.tell(endpoint, owner.origin, assertion);
    contest.told = assertion;
    return assertion === 'frozen' || assertion === 'sticky';
  }

  private tell({ network, netns, ifname, mac }: Endpoint, peer: string, assertion: Assertion): void {
    const fields = { network, netns: netns.name, ifname, mac, peer } as const;
    if (assertion === 'reclaimed')
      this.modules.log.warn(fields, 'an address was claimed back: its container is here and sends');
    if (assertion === 'frozen' || assertion === 'sticky') {
      const hint = `detach one of the two; then run on ${peer}: weft release ${mac} --network ${network}`;
      this.modules.log.warn(
        { ...fields, reason: assertion, hint },
        'another node keeps an address of this container',
      );
    }
  }
}
