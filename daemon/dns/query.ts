/**
 * A query as a container sent it (RFC 1035 section 4.1): what it asks, or why it is not answered. Before the library that decodes
 * messages sees it, it is known to be a short one with one question: what it costs to decode is bounded.
 */
import { type DecodedPacket, decode } from 'dns-packet';
import { lowerCase } from '../names.ts';

export const HEADER_BYTES = 12;

/** RFC 1035 section 4.2.1: what a client takes that does not say more. */
const PLAIN_UDP_BYTES = 512;

/** What passes every network whole (DNS flag day 2020), and so the most that is sent over UDP whatever a client takes. */
export const EDNS_UDP_BYTES = 1232;

/** A question, an OPT record with a few options, perhaps a signature. */
export const QUERY_MAX_BYTES = 4096;

/** OPT and TSIG. */
const MAX_ADDITIONALS = 2;

/** RFC 1035 section 4.1.1, RFC 6891 section 9. */
export const RCODE = {
  noError: 0,
  formErr: 1,
  servFail: 2,
  nxDomain: 3,
  notImp: 4,
  refused: 5,
  badVers: 16,
} as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

const QR = 0x8000;
const OPCODE = 0x7800;
const RECURSION_DESIRED = 0x0100;

/** RFC 6891 section 6.1.3. */
const EDNS_VERSION = 0;
const DNSSEC_OK = 0x8000;

/** What a reply repeats. */
export interface AskedHeader {
  readonly id: number;
  /** Opcode and RD, where they are in the header. */
  readonly flags: number;
  /** The question as it came, name, type and class; empty if none could be read. */
  readonly question: Buffer;
  /** The client speaks EDNS; `flags` are those of its OPT record that a reply repeats. */
  readonly edns: { readonly flags: number } | undefined;
}

export interface DnsQuery extends AskedHeader {
  readonly bytes: Buffer;
  /** In lower case, without the final dot; empty: the root. */
  readonly name: string;
  /** As it was written. */
  readonly spelled: string;
  /** Of the library: A, AAAA, PTR, ANY, …, UNKNOWN_65280. */
  readonly type: string;
  readonly isRecursionDesired: boolean;
  /** The most that a reply over UDP may have. */
  readonly udpBytes: number;
}

export type ParsedQuery =
  | { readonly kind: 'query'; readonly query: DnsQuery }
  /** Answered with this code. */
  | { readonly kind: 'refused'; readonly header: AskedHeader; readonly rcode: Rcode }
  /** Not answered at all: not long enough to have an id, or an answer itself, and two servers might send each other such for ever. */
  | { readonly kind: 'ignored' };

/** Never throws. */
export function parseQuery(bytes: Buffer): ParsedQuery {
  if (bytes.length < HEADER_BYTES) return { kind: 'ignored' };
  const word = bytes.readUInt16BE(2);
  if ((word & QR) !== 0) return { kind: 'ignored' };
  const bare = {
    id: bytes.readUInt16BE(0),
    flags: word & (OPCODE | RECURSION_DESIRED),
    question: Buffer.alloc(0),
    edns: undefined,
  };
  const refuse = (rcode: Rcode, header: AskedHeader = bare): ParsedQuery => ({
    kind: 'refused',
    header,
    rcode,
  });
  if ((word & OPCODE) !== 0) return refuse(RCODE.notImp);
  if (bytes.length > QUERY_MAX_BYTES || !hasCounts(bytes)) return refuse(RCODE.formErr);
  const end = endOfQuestion(bytes);
  const packet = end === undefined ? undefined : tryDecode(bytes);
  const [asked] = packet?.questions ?? [];
  if (packet === undefined || asked === undefined) return refuse(RCODE.formErr);
  const options = packet.additionals?.filter(record => record.type === 'OPT') ?? [];
  // RFC 6891 section 6.1.1.
  if (options.length > 1) return refuse(RCODE.formErr);
  const [option] = options;
  const edns = option === undefined ? undefined : { flags: (option.flags ?? 0) & DNSSEC_OK };
  const header = { ...bare, question: bytes.subarray(HEADER_BYTES, end), edns };
  if (option !== undefined && option.ednsVersion !== EDNS_VERSION) return refuse(RCODE.badVers, header);
  if (asked.class !== 'IN') return refuse(RCODE.refused, header);
  const spelled = asked.name === '.' ? '' : asked.name;
  const query = {
    ...header,
    bytes,
    name: lowerCase(spelled),
    spelled,
    type: asked.type,
    isRecursionDesired: (word & RECURSION_DESIRED) !== 0,
    udpBytes: Math.min(EDNS_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, option?.udpPayloadSize ?? 0)),
  };
  return { kind: 'query', query };
}

/** RFC 9619: one question. Nothing that a query has no use for. */
function hasCounts(bytes: Buffer): boolean {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map(at => bytes.readUInt16BE(at));
  return questions === 1 && answers === 0 && authorities === 0 && (additionals ?? 0) <= MAX_ADDITIONALS;
}

/** Where type and class of the first question end; undefined where there is none. Nothing stands before its name that it could point to. */
export function endOfQuestion(bytes: Buffer): number | undefined {
  let at = HEADER_BYTES;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return undefined;
    at += length + 1;
    if (length === 0) break;
  }
  return at + 4 <= bytes.length ? at + 4 : undefined;
}

/** Undefined: it does not parse, or not all of it. The library takes data that ends too early for shorter data. */
function tryDecode(bytes: Buffer): DecodedPacket | undefined {
  try {
    const packet = decode(bytes);
    return decode.bytes === bytes.length ? packet : undefined;
  } catch {
    return undefined;
  }
}
