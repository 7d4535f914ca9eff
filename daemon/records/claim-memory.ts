/**
 * What the pool says of the networks of this node, kept beside the API socket for the next process: paths.run/claims.json. It is as good as
 * gossip was when it was written, and lasts no longer than the machine runs; without it a start waits for the pool.
 */
import { join } from 'node:path';
import * as z from 'zod';
import type { RecordLog } from '../../control/records/record-log.ts';
import {
  formatMac,
  parseIp,
  parseMac,
  parseVni,
  type Vni,
  type VtepAddress,
} from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { BootTime } from '../boot-time.ts';
import { errorFields, type Log } from '../log.ts';
import { readStateFileSync, replaceStateFile } from '../state-file.ts';
import type { RememberedCarrier, RememberedClaim } from './remembered-claims.ts';

/** Milliseconds from a change to the disk: what changes in one go is written once. */
const SETTLE_TIME = 500;

/** At most a twentieth of the time is spent on writing, however much there is to say. */
const PAUSE_FACTOR = 20;

/** Milliseconds. What is older says too little of where containers are now. */
const MAX_AGE = 5 * 60_000;

const ip = z.string().transform(text => parseIp(text));

const fileSchema = z.object({
  version: z.literal(1),
  /** Whose it is. */
  node: z.string(),
  /** By the wall clock, in milliseconds: for a weft that does not know the stamp, which may have written it or may read it. */
  written: z.number(),
  stamp: z.object({ boot: z.string(), at: z.number() }).optional(),
  carriers: z.array(
    z.object({
      vni: z.number().transform(vni => parseVni(vni)),
      origin: z.string(),
      vtep: z.object({
        address: ip.transform(address => address as VtepAddress),
        port: z.number().int().min(1).max(65_535),
      }),
      tells: z.boolean(),
      claims: z.array(
        z.object({
          mac: z.string().transform(text => parseMac(text)),
          ips: z.array(ip),
          mobility: z.number().int().min(0),
        }),
      ),
    }),
  ),
});

export interface ClaimMemoryModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly records: Pick<RecordLog, 'carriers' | 'owners' | 'tells'>;
}

export interface ClaimMemoryOptions {
  readonly self: string;
  readonly runDirectory: string;
  readonly vnis: () => readonly Vni[];
  /** What is remembered still, and not known better. */
  readonly held: () => readonly RememberedCarrier[];
}

export class ClaimMemory {
  private readonly modules: ClaimMemoryModules;
  private readonly options: ClaimMemoryOptions;
  private readonly file: string;
  private readonly time: BootTime;
  private timer: Timer | undefined;
  private notBefore = 0;
  private isBehind = false;

  constructor(modules: ClaimMemoryModules, options: ClaimMemoryOptions) {
    this.modules = modules;
    this.options = options;
    this.file = join(options.runDirectory, 'claims.json');
    this.time = new BootTime(modules);
  }

  /** What an earlier process of this node has left, unless it is too old; nothing if there is none or it cannot be read. */
  load(): readonly RememberedCarrier[] {
    try {
      const text = readStateFileSync(this.file);
      if (text === undefined) return [];
      const { node, written, stamp, carriers } = fileSchema.parse(JSON.parse(text));
      const age = stamp === undefined ? this.modules.clock.wallTime() - written : this.time.age(stamp);
      return node === this.options.self && age >= 0 && age <= MAX_AGE ? carriers : [];
    } catch (error) {
      this.modules.log.warn(
        { component: 'control', path: this.file, ...errorFields(error) },
        'what an earlier process has left of the forwarding state cannot be read',
      );
      return [];
    }
  }

  /** Something of it has changed. */
  changed(): void {
    const { clock } = this.modules;
    this.timer ??= clock.after(Math.max(SETTLE_TIME, this.notBefore - clock.now()), () => this.write());
  }

  /** Writes what could not be written before. */
  rewrite(): void {
    if (this.isBehind) this.changed();
  }

  /** Writes what has not been written yet. */
  stop(): void {
    if (this.timer === undefined) return;
    this.timer.cancel();
    this.write();
  }

  private write(): void {
    const { clock, log } = this.modules;
    this.timer = undefined;
    const start = clock.now();
    try {
      replaceStateFile(this.file, this.text());
      this.isBehind = false;
    } catch (error) {
      this.isBehind = true;
      log.warn({ component: 'control', ...errorFields(error) }, 'cannot save the forwarding state');
    }
    this.notBefore = clock.now() + PAUSE_FACTOR * (clock.now() - start);
  }

  private text(): string {
    const { held, self, vnis } = this.options;
    const known = vnis().flatMap(vni => this.carriersOf(vni));
    const isKnown = new Set(known.map(({ vni, origin }) => `${vni} ${origin}`));
    // A process that ends before it has heard of somebody passes on what it was given.
    const passedOn = held().filter(({ vni, origin }) => !isKnown.has(`${vni} ${origin}`));
    const carriers = [...known, ...passedOn].map(({ claims, ...carrier }) => ({
      ...carrier,
      claims: claims.map(({ mac, ...claim }) => ({ mac: formatMac(mac), ...claim })),
    }));
    const times = { written: this.modules.clock.wallTime(), stamp: this.time.stamp() };
    const head = { version: 1, node: self, ...times };
    return JSON.stringify({ ...head, carriers });
  }

  private carriersOf(vni: Vni): RememberedCarrier[] {
    const { records } = this.modules;
    const claims = new Map<string, RememberedClaim[]>();
    for (const { origin, mac, ips, mobility } of records.owners(vni)) {
      const ofOrigin = claims.get(origin) ?? [];
      ofOrigin.push({ mac, ips, mobility });
      claims.set(origin, ofOrigin);
    }
    return [...records.carriers(vni)]
      .filter(([origin]) => origin !== this.options.self)
      .map(([origin, { address, port }]) => ({
        vni,
        origin,
        vtep: { address, port },
        tells: records.tells(vni, origin),
        claims: claims.get(origin) ?? [],
      }));
  }
}
