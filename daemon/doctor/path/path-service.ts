/**
 * The daemon's part in probing paths. Asking: opens a session with a peer over gossip, sends probes from the VXLAN sockets, and says what came of
 * them. Answering: sends back each probe of a session, once, to the member that has opened it, no longer than it came.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Endpoint } from '../../../control/endpoint.ts';
import type { GossipMember } from '../../../control/events.ts';
import type { Gossip } from '../../../control/gossip.ts';
import type { Keyring } from '../../../control/keyring.ts';
import { purposeOf } from '../../../control/records/tcp-links.ts';
import { type IpAddress, ipFamily, parseIp } from '../../../dataplane/address.ts';
import type { Clock, Timer } from '../../../dataplane/clock.ts';
import type { Dataplane } from '../../../dataplane/dataplane.ts';
import { WeftError } from '../../../dataplane/errors.ts';
import { ETHERNET_HEADER_SIZE } from '../../../dataplane/headers/ethernet.ts';
import { PROBE_ANSWER, PROBE_QUESTION } from '../../../dataplane/headers/probe.ts';
import { overhead } from '../../../dataplane/mtu.ts';
import type { ProbeArrival } from '../../../dataplane/probe-port.ts';
import { peerReport } from '../../vtep-directory.ts';
import { ControlChannel } from './control-channel.ts';
import {
  type Answer,
  fromBits,
  isControlDatagram,
  MAX_PROBES,
  type Question,
  toBits,
} from './control-message.ts';
import type {
  PathOpening,
  PathOperations,
  ProbeLookReport,
  ProbeLookRequest,
  ProbePathRequest,
  ProbeSendReport,
  ProbeSendRequest,
} from './path-facts.ts';
import { checksumErrors } from './udp-errors.ts';

/** A session ends by itself so long after it was opened. */
const SESSION_MS = 30_000;

/** Sessions that others have opened, in all and of one member. */
const MAX_SESSIONS = 16;
const MAX_SESSIONS_OF_MEMBER = 4;

/** Outer headers, VXLAN header: what an outer packet has beyond the probe's frame. */
function outside(address: IpAddress): number {
  return overhead(ipFamily(address)) - ETHERNET_HEADER_SIZE;
}

interface Session {
  readonly token: Uint8Array;
  readonly member: string;
  /** Address of the member, and the port to which its answers go. */
  to: { readonly address: IpAddress; readonly port: number };
  readonly isOurs: boolean;
  readonly seen: Set<number>;
  readonly sources: Map<string, readonly [string, number]>;
  errorsBefore: number | null;
  datagrams: number;
  readonly expiry: Timer;
  /** Called at each probe that comes. */
  onArrival: () => void;
}

export interface PathModules {
  readonly clock: Clock;
  readonly keyring: Keyring | undefined;
  readonly dataplane: Pick<Dataplane, 'run'>;
  /** It is made later than this, for it asks this. */
  readonly gossip: () => Pick<Gossip, 'members' | 'sendHint'>;
}

export interface PathOptions {
  readonly vtep: { readonly address: IpAddress; readonly port: number };
  /** Networks of this node that go by the underlay. */
  readonly networks: () => readonly { readonly mtu: number; readonly vni: number }[];
}

export class PathService implements PathOperations {
  private readonly modules: PathModules;
  private readonly options: PathOptions;
  private readonly control: ControlChannel;
  /** By token, in hex. */
  private readonly sessions = new Map<string, Session>();

  constructor(modules: PathModules, options: PathOptions) {
    this.modules = modules;
    this.options = options;
    const sendDatagram = (to: Endpoint, bytes: Uint8Array) => modules.gossip().sendHint(to, bytes);
    this.control = new ControlChannel(
      { ...modules, sendDatagram },
      {
        from: options.vtep.address,
        answer: (member, question, isDatagram) => this.answer(member, question, isDatagram),
        memberAt: address => this.memberAt(address)?.name,
        endpointOf: name => this.find(name),
      },
    );
  }

  stop(): void {
    for (const { expiry } of this.sessions.values()) expiry.cancel();
    this.sessions.clear();
    this.control.close();
  }

  /** What gossip hands over: ours, or somebody else's, who then gets it. */
  hooks(others: {
    takeLink(socket: Socket, head: Uint8Array): void;
    takeHint(from: string, hint: Uint8Array): void;
  }): typeof others {
    return {
      takeLink: (socket, head) => {
        if (purposeOf(head) === 'doc') this.control.takeLink(socket, head);
        else others.takeLink(socket, head);
      },
      takeHint: (from, hint) => {
        if (isControlDatagram(hint)) this.control.takeDatagram(from, hint);
        else others.takeHint(from, hint);
      },
    };
  }

  // ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async openPath({ peer }: ProbePathRequest): Promise<PathOpening> {
    const member = this.find(peer);
    if (member === undefined) {
      const known = this.modules
        .gossip()
        .members()
        .map(({ name }) => name);
      throw new WeftError('not_found', `there is no node ${peer} in the pool`, {
        hint: `known ones: ${known.join(', ') || 'none'}`,
      });
    }
    const { clock } = this.modules;
    const { vtep } = this.options;
    const { address, vnis } = peerReport(member, clock.now());
    const token = randomBytes(16).toString('hex');
    const to = { address: parseIp(address), port: vtep.port };
    await this.admit({ token, member: peer, to, isOurs: true });
    const question = { op: 'open', token, port: vtep.port } as const;
    const [udp, tcp] = await Promise.all([
      this.control.askByDatagram(member, question),
      this.control.askByTcp(member, question),
    ]);
    const first = 'answer' in udp ? udp : 'answer' in tcp ? tcp : undefined;
    // What came there may have come after the first answer by TCP.
    const asked =
      'answer' in udp || !('answer' in tcp)
        ? undefined
        : await this.control.askByTcp(member, { op: 'look', token });
    const arrived = asked !== undefined && 'answer' in asked ? asked.answer.datagrams > 0 : null;
    return {
      peer,
      address,
      gossip: {
        port: member.port,
        udp: { answered: 'answer' in udp, arrived: 'answer' in udp ? true : arrived },
        tcp: { answered: 'answer' in tcp, failure: 'failure' in tcp ? tcp.failure : null },
      },
      clock_ms: first === undefined ? null : Math.round(first.answer.wall + first.roundTrip / 2 - first.wall),
      clock_error_ms: Math.ceil((first?.roundTrip ?? 0) / 2),
      session:
        first === undefined
          ? null
          : {
              token,
              to: { address, port: this.redirect(token, first.answer) },
              from: vtep.address,
              vtep: first.answer.vtep,
            },
      needed_bytes: this.neededBytes(vnis),
    };
  }

  async sendProbes({ token, probes }: ProbeSendRequest): Promise<ProbeSendReport> {
    const session = this.ours(token);
    const { address, port } = session.to;
    const errnos: number[] = [];
    for (const { number, bytes } of probes) {
      errnos.push(
        await this.modules.dataplane.run('sendProbe', {
          to: address,
          port,
          socket: number,
          kind: PROBE_QUESTION,
          token: session.token,
          number,
          length: bytes - outside(address),
        }),
      );
    }
    return { errnos };
  }

  async lookAtProbes({ token, numbers, wait_ms }: ProbeLookRequest): Promise<ProbeLookReport> {
    const session = this.ours(token);
    await this.answeredOf(session, numbers, wait_ms);
    const isComplete = numbers.every(number => session.seen.has(number));
    const answer = await this.lookThere(session);
    return {
      answered: [...session.seen],
      arrived: answer === undefined ? (isComplete ? numbers : null) : fromBits(answer.arrived),
      seen_from: answer?.sources ?? [],
      answered_from: [...new Set([...session.sources.values()].map(([address]) => address))],
      checksum_errors: {
        here: difference(await checksumErrors(readFile), session.errorsBefore),
        there: answer?.checksum_errors ?? null,
      },
    };
  }

  private async lookThere({ member: name, token }: Session): Promise<Answer | undefined> {
    const member = this.find(name);
    if (member === undefined) return undefined;
    const question = { op: 'look', token: Buffer.from(token).toString('hex') } as const;
    const byTcp = await this.control.askByTcp(member, question);
    const reply = 'answer' in byTcp ? byTcp : await this.control.askByDatagram(member, question);
    return 'answer' in reply ? reply.answer : undefined;
  }

  private answeredOf(session: Session, numbers: readonly number[], waitMs: number): Promise<void> {
    return new Promise(resolve => {
      const isDone = () => numbers.every(number => session.seen.has(number));
      const finish = () => {
        timer.cancel();
        session.onArrival = () => {};
        resolve();
      };
      const timer = this.modules.clock.after(waitMs, finish);
      session.onArrival = () => {
        if (isDone()) finish();
      };
      session.onArrival();
    });
  }

  /** The port that the peer itself says it takes VXLAN on. */
  private redirect(token: string, { vtep }: Answer): number {
    const session = this.sessions.get(token);
    if (session !== undefined) session.to = { ...session.to, port: vtep.port };
    return vtep.port;
  }

  private neededBytes(theirs: readonly number[]): number {
    const { networks, vtep } = this.options;
    const common = networks().filter(({ vni }) => theirs.includes(vni));
    const mtus = (common.length > 0 ? common : networks()).map(({ mtu }) => mtu);
    // RFC 8200 section 5: every link of IPv6 carries 1280.
    return Math.max(1280 - overhead(6), ...mtus) + overhead(ipFamily(vtep.address));
  }

  private ours(token: string): Session {
    const session = this.sessions.get(token);
    if (session?.isOurs === true) return session;
    throw new WeftError('not_found', 'there is no such session of probes', {
      hint: 'it ends by itself after 30 s: run weft doctor again',
    });
  }

  // ── Answering ───────────────────────────────────────────────────────────────────────────────────────────────────

  private async answer(member: string, question: Question, isDatagram: boolean): Promise<Answer | undefined> {
    const { id, token, op } = question;
    const known = this.sessions.get(token);
    if (known !== undefined && (known.member !== member || known.isOurs)) return undefined;
    if (op === 'look' && known === undefined) return undefined;
    if (op === 'open' && known === undefined) {
      const endpoint = this.find(member);
      if (endpoint === undefined || !this.hasRoomFor(member)) return undefined;
      const address = parseIp(peerReport(endpoint, this.modules.clock.now()).address);
      await this.admit({ token, member, to: { address, port: question.port }, isOurs: false });
    }
    const session = this.sessions.get(token);
    if (session === undefined) return undefined;
    if (op === 'open' && isDatagram) session.datagrams += 1;
    return {
      id,
      wall: this.modules.clock.wallTime(),
      vtep: this.options.vtep,
      datagrams: session.datagrams,
      arrived: toBits(session.seen),
      sources: [...session.sources.values()].slice(0, 4).map(([address, port]) => [address, port]),
      checksum_errors: difference(await checksumErrors(readFile), session.errorsBefore),
    };
  }

  /** A member that opens too many loses the oldest of its own. */
  private hasRoomFor(member: string): boolean {
    const others = [...this.sessions.entries()].filter(([, { isOurs }]) => !isOurs);
    const [oldest, ...newer] = others.filter(([, session]) => session.member === member);
    if (oldest !== undefined && newer.length + 1 >= MAX_SESSIONS_OF_MEMBER) {
      const [token, { expiry }] = oldest;
      expiry.cancel();
      this.sessions.delete(token);
      return true;
    }
    return others.length < MAX_SESSIONS;
  }

  /** A probe of an open session, from the dataplane. */
  onProbe({ kind, token, number, length, address, port }: ProbeArrival): void {
    const session = this.sessions.get(Buffer.from(token).toString('hex'));
    if (session === undefined || number >= MAX_PROBES || session.seen.has(number)) return;
    // Our own question, that somebody sends back to us, is no answer.
    if (session.isOurs !== (kind === PROBE_ANSWER)) return;
    session.seen.add(number);
    if (session.sources.size < MAX_PROBES) session.sources.set(`${address} ${port}`, [address, port]);
    session.onArrival();
    if (session.isOurs) return;
    const answer = { ...session.to, to: session.to.address, socket: number, kind: PROBE_ANSWER } as const;
    this.modules.dataplane.run('sendProbe', { ...answer, token, number, length }).catch(() => {});
  }

  // ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────────────

  private async admit(
    options: Pick<Session, 'member' | 'to' | 'isOurs'> & { readonly token: string },
  ): Promise<void> {
    const { token } = options;
    const expiry = this.modules.clock.after(SESSION_MS, () => {
      this.sessions.delete(token);
      this.tellTokens().catch(() => {});
    });
    const session: Session = {
      ...options,
      token: Buffer.from(token, 'hex'),
      seen: new Set(),
      sources: new Map(),
      errorsBefore: null,
      datagrams: 0,
      expiry,
      onArrival: () => {},
    };
    // At once: the same question comes by two ways.
    this.sessions.set(token, session);
    session.errorsBefore = await checksumErrors(readFile);
    await this.tellTokens();
  }

  private async tellTokens(): Promise<void> {
    const tokens = [...this.sessions.values()].map(({ token }) => Uint8Array.from(token));
    await this.modules.dataplane.run('setProbes', { tokens });
  }

  private find(name: string): GossipMember | undefined {
    return this.modules
      .gossip()
      .members()
      .find(member => member.name === name);
  }

  private memberAt(address: string): GossipMember | undefined {
    const plain = address.replace(/^::ffff:/, '');
    return this.modules
      .gossip()
      .members()
      .find(member => member.address === plain);
  }
}

function difference(now: number | null, before: number | null): number | null {
  return now === null || before === null ? null : now - before;
}
