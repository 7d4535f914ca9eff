/** From the bytes of a query to the bytes of its answer, for one container. Never fails: what cannot be answered is told so. */
import { randomInt } from 'node:crypto';
import type { Answer } from 'dns-packet';
import type { DnsCounters } from './dns-counters.ts';
import type { Transport } from './exchange.ts';
import type { Forwarder } from './forwarder.ts';
import { type DnsQuery, parseQuery, RCODE, type Rcode } from './query.ts';
import { encodeReply, type Reply, truncate } from './reply.ts';
import { type Finding, lookUp, type NameDirectory, type ZoneNetwork, type ZoneRecord } from './zone.ts';

/** More are not told at one time; as answers rotate, every container of the name gets its turn. */
const MAX_ANSWERS = 16;

/** Queries of one container that wait for the VM's resolvers: a lookup is two, and a container with hundreds of them has a burst. */
const MAX_PENDING = 128;

const STREAM_BYTES = 65_535;

export interface ResponderModules {
  readonly directory: NameDirectory;
  readonly forwarder: Pick<Forwarder, 'forward'>;
  readonly counters: DnsCounters;
  /** 0 … limit - 1, each as often. @default of the system */
  readonly random?: (limit: number) => number;
}

export interface ResponderOptions {
  readonly domain: string;
  /** Seconds. */
  readonly ttl: number;
}

/** Who asks: what it may know, and how many answers it waits for. */
export interface Asker {
  readonly networks: readonly ZoneNetwork[];
  pending: number;
}

export class Responder {
  private readonly modules: ResponderModules;
  private readonly options: ResponderOptions;

  constructor(modules: ResponderModules, options: ResponderOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** Undefined: it is not answered. */
  async answer(bytes: Buffer, asker: Asker, via: Transport): Promise<Buffer | undefined> {
    const { counters } = this.modules;
    counters.queries += 1;
    const parsed = parseQuery(bytes);
    if (parsed.kind === 'ignored') {
      counters.drop('malformed');
      return undefined;
    }
    if (parsed.kind === 'refused') {
      counters.drop(parsed.rcode === RCODE.formErr ? 'malformed' : 'unsupported');
      return encodeReply(parsed.header, { rcode: parsed.rcode }, STREAM_BYTES);
    }
    const { query } = parsed;
    const { domain, ttl } = this.options;
    const { directory } = this.modules;
    const finding = lookUp(query.name, query.type, { networks: asker.networks, directory, domain });
    const limit = via === 'udp' ? query.udpBytes : STREAM_BYTES;
    if (finding.kind === 'elsewhere') return await this.forward(query, asker, via, limit);
    counters.answered += 1;
    const reply = replyOf(query, finding, { domain, ttl, random: this.modules.random ?? randomInt });
    return encodeReply(query, reply, limit);
  }

  private async forward(
    query: DnsQuery,
    asker: Asker,
    via: Transport,
    limit: number,
  ): Promise<Buffer | undefined> {
    const { counters, forwarder } = this.modules;
    const refuse = (rcode: Rcode) => encodeReply(query, { rcode }, limit);
    if (!query.isRecursionDesired) {
      counters.drop('unsupported');
      return refuse(RCODE.refused);
    }
    if (asker.pending >= MAX_PENDING) {
      counters.drop('busy');
      return refuse(RCODE.servFail);
    }
    asker.pending += 1;
    const answer = await forwarder.forward(query, via);
    asker.pending -= 1;
    if (Buffer.isBuffer(answer)) {
      counters.forwarded += 1;
      return truncate(answer, limit);
    }
    counters.drop(answer === 'busy' ? 'busy' : 'upstream');
    return refuse(RCODE.servFail);
  }
}

interface ReplyFacts extends ResponderOptions {
  /**
   * Where the answers begin: another place each time (round robin). Not counted: who asks for A and AAAA in turn would always begin at the
   * same place.
   */
  readonly random: (limit: number) => number;
}

function replyOf(
  query: DnsQuery,
  finding: Exclude<Finding, { readonly kind: 'elsewhere' }>,
  facts: ReplyFacts,
): Reply {
  const { ttl, random } = facts;
  if (finding.kind === 'records') {
    const { records } = finding;
    const first = random(records.length);
    const rotated = [...records.slice(first), ...records.slice(0, first)].slice(0, MAX_ANSWERS);
    const answers = rotated.map(record => answerOf(query.spelled, record, ttl));
    return { rcode: RCODE.noError, isAuthoritative: true, answers };
  }
  const { isName, zone } = finding;
  const authority = startOfAuthority(zone, facts);
  if (isName && query.name === zone && (query.type === 'SOA' || query.type === 'ANY'))
    return { rcode: RCODE.noError, isAuthoritative: true, answers: [authority] };
  return {
    rcode: isName ? RCODE.noError : RCODE.nxDomain,
    isAuthoritative: true,
    authorities: [authority],
  };
}

function answerOf(name: string, { type, data }: ZoneRecord, ttl: number): Answer {
  return { name, type, data, ttl, class: 'IN' };
}

/** RFC 2308 section 3: how long a client may remember that there is nothing, is the smaller one of the TTL and MINIMUM. */
function startOfAuthority(zone: string, { domain, ttl }: ResponderOptions): Answer {
  const data = { mname: domain, rname: `hostmaster.${domain}`, serial: 1 };
  const timing = { refresh: ttl, retry: ttl, expire: ttl, minimum: ttl };
  return { name: zone, type: 'SOA', class: 'IN', ttl, data: { ...data, ...timing } };
}
