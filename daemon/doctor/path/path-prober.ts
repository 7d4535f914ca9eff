/**
 * Finds out what passes on the path to one peer, in both directions: small packets, whole ones, and if those do not pass, the largest that
 * do. Probes are sent as the frames of containers are; some also whole with their checksums, past what the kernel and the network card
 * would do to them.
 */
import type { HostPort } from '../host-port.ts';
import type { RawProbe } from './datagram.ts';
import type {
  Complaint,
  DirectionFact,
  PathFacts,
  PathOperations,
  PathSession,
  ProbeLookReport,
} from './path-facts.ts';

/** Sends packets that are whole already. Real: raw-sender.ts. */
export interface RawSender {
  /** Returns 0, or an errno. */
  send(packet: Omit<RawProbe, 'sourcePort'>): Promise<number>;
  /** What routers said up to now of what was sent. */
  complaints(): readonly Complaint[];
  close(): void;
}

export interface ProberModules {
  readonly operations: PathOperations;
  readonly host: Pick<HostPort, 'openRaw'>;
}

/** Three of three are lost on a path that loses a third once in 27 times. */
const COPIES = 3;
/** Outer IP packet of a small probe; any path carries 576 (RFC 791), IPv6 1280. */
const SMALL = 200;
/** Above any round trip of two clouds. */
const WAIT_MS = 600;
/** Sizes tried at once: a range shrinks to a sixth. */
const STEPS = 5;
/** Below it nobody needs to know exactly. */
const RESOLUTION = 2;

export async function probePath(modules: ProberModules, peer: string): Promise<PathFacts> {
  const opening = await modules.operations.openPath({ peer });
  const { session } = opening;
  if (session === null) return { opening, vxlan: undefined };
  // Also where its addon does not load.
  let rawFailure: string | undefined;
  const raw = await modules.host.openRaw(session).catch((error: unknown) => {
    [rawFailure] = (error instanceof Error ? error.message : String(error)).split('\n');
    return undefined;
  });
  try {
    const prober = new PathProber(modules.operations, raw, session);
    return { opening, vxlan: { ...(await prober.run(opening.needed_bytes)), rawFailure } };
  } finally {
    raw?.close();
  }
}

class PathProber {
  private readonly operations: PathOperations;
  private readonly raw: RawSender | undefined;
  private readonly session: PathSession;
  private next = 0;
  private readonly refused: number[] = [];
  private look: ProbeLookReport | undefined;

  constructor(operations: PathOperations, raw: RawSender | undefined, session: PathSession) {
    this.operations = operations;
    this.raw = raw;
    this.session = session;
  }

  async run(needed: number): Promise<Omit<NonNullable<PathFacts['vxlan']>, 'rawFailure'>> {
    const small = await this.send(SMALL, COPIES);
    const whole = await this.send(needed, COPIES);
    const smallRaw = await this.sendRaw(SMALL, COPIES);
    // Not waited for: where the whole ones of the sockets pass, so do these.
    const wholeRaw = await this.sendRaw(needed, 1);
    await this.lookAt([...small, ...whole, ...smallRaw]);
    const smallFact = this.factOf(small);
    const answered = smallFact.answered > 0 || this.factOf(smallRaw).answered > 0;
    const isWhole = this.factOf([...whole, ...wholeRaw]).answered > 0;
    const largest = isWhole
      ? { there: needed, back: needed }
      : answered
        ? await this.search(needed)
        : undefined;
    const {
      seen_from = [],
      answered_from = [],
      checksum_errors = { here: null, there: null },
    } = this.look ?? {};
    return {
      small: smallFact,
      raw: this.raw === undefined || smallRaw.length === 0 ? undefined : this.factOf(smallRaw),
      largest,
      refused: [...new Set(this.refused)],
      seenFrom: seen_from,
      answeredFrom: answered_from,
      checksumErrors: checksum_errors,
      complaints: this.raw?.complaints() ?? [],
    };
  }

  /** First there, then back: a packet that does not get there cannot come back. */
  private async search(needed: number): Promise<{ readonly there: number; readonly back: number }> {
    const there = await this.bisect(SMALL, needed, numbers => this.hasArrived(numbers));
    const back = await this.bisect(SMALL, there, numbers => this.factOf(numbers).answered > 0);
    return { there, back };
  }

  /** The largest size that passes; `least` is known to. */
  private async bisect(
    least: number,
    most: number,
    passes: (numbers: readonly number[]) => boolean,
  ): Promise<number> {
    let [low, high] = [least, most + 1];
    while (high - low > RESOLUTION) {
      const step = Math.max(1, Math.floor((high - low) / (STEPS + 1)));
      const sizes = Array.from({ length: STEPS }, (_, i) => low + step * (i + 1)).filter(size => size < high);
      const sent = new Map<number, readonly number[]>();
      for (const size of sizes) sent.set(size, await this.send(size, 2));
      await this.lookAt([...sent.values()].flat());
      const passed = sizes.filter(size => passes(sent.get(size) ?? []));
      const best = Math.max(low, ...passed);
      const failed = sizes.filter(size => size > best);
      low = best;
      high = Math.min(high, ...failed);
    }
    return low;
  }

  private async send(bytes: number, copies: number): Promise<readonly number[]> {
    const probes = Array.from({ length: copies }, () => ({ number: this.next++, bytes }));
    const { errnos } = await this.operations.sendProbes({ token: this.session.token, probes });
    this.refused.push(...errnos.filter(errno => errno !== 0));
    return probes.map(({ number }) => number);
  }

  private async sendRaw(bytes: number, copies: number): Promise<readonly number[]> {
    const { raw } = this;
    if (raw === undefined) return [];
    const { from, to, token } = this.session;
    const sent: number[] = [];
    for (let i = 0; i < copies; i++) {
      const number = this.next++;
      const errno = await raw.send({ from, to: to.address, port: to.port, token, number, bytes });
      if (errno === 0) sent.push(number);
    }
    return sent;
  }

  private async lookAt(numbers: readonly number[]): Promise<void> {
    this.look = await this.operations.lookAtProbes({ token: this.session.token, numbers, wait_ms: WAIT_MS });
  }

  private hasArrived(numbers: readonly number[]): boolean {
    const { arrived, answered } = this.factOf(numbers);
    return answered > 0 || (arrived ?? 0) > 0;
  }

  private factOf(numbers: readonly number[]): DirectionFact {
    const { answered = [], arrived = null } = this.look ?? {};
    const count = (set: readonly number[]) => numbers.filter(number => set.includes(number)).length;
    return {
      sent: numbers.length,
      arrived: arrived === null ? null : Math.max(count(arrived), count(answered)),
      answered: count(answered),
    };
  }
}
