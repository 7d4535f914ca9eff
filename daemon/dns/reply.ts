/** Answers as bytes (RFC 1035 section 4.1): the question as it came, and records behind it. */
import { type Answer, encode, RECURSION_AVAILABLE } from 'dns-packet';
import { type AskedHeader, EDNS_UDP_BYTES, endOfQuestion, HEADER_BYTES, type Rcode } from './query.ts';

export interface Reply {
  readonly rcode: Rcode;
  /** From our own knowledge (AA). */
  readonly isAuthoritative?: boolean;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
}

const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;

/** RFC 6891 section 6.1.3: the upper eight bits of the code are in the OPT record. */
const RCODE_BITS = 4;

/** What is too long for `maxBytes` loses records, and says so (TC): the client asks again over TCP (RFC 2181 section 9). */
export function encodeReply(asked: AskedHeader, reply: Reply, maxBytes: number): Buffer {
  const answers = [...(reply.answers ?? [])];
  const authorities = reply.authorities ?? [];
  const whole = write(asked, reply, answers, authorities, 0);
  if (whole.length <= maxBytes) return whole;
  for (;;) {
    answers.pop();
    const bytes = write(asked, reply, answers, [], TRUNCATED);
    if (bytes.length <= maxBytes || answers.length === 0) return bytes;
  }
}

function write(
  asked: AskedHeader,
  { rcode, isAuthoritative = false }: Reply,
  answers: readonly Answer[],
  authorities: readonly Answer[],
  truncated: number,
): Buffer {
  const authoritative = isAuthoritative ? AUTHORITATIVE : 0;
  const bytes = encode({
    type: 'response',
    id: asked.id,
    flags: asked.flags | RECURSION_AVAILABLE | authoritative | truncated | (rcode & ((1 << RCODE_BITS) - 1)),
    answers: [...answers],
    authorities: [...authorities],
    additionals: asked.edns === undefined ? [] : [optionRecord(asked.edns.flags, rcode)],
  });
  if (asked.question.length === 0) return bytes;
  // The question is repeated octet for octet. The library writes names whole, so nothing behind it points anywhere.
  bytes.writeUInt16BE(1, 4);
  return Buffer.concat([bytes.subarray(0, HEADER_BYTES), asked.question, bytes.subarray(HEADER_BYTES)]);
}

function optionRecord(flags: number, rcode: Rcode): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: EDNS_UDP_BYTES,
    extendedRcode: rcode >> RCODE_BITS,
    ednsVersion: 0,
    flags,
    flag_do: flags !== 0,
    options: [],
  };
}

/** The answer of another server, for a client that cannot take so much over UDP: its question alone, and TC. */
export function truncate(answer: Buffer, maxBytes: number): Buffer {
  if (answer.length <= maxBytes) return answer;
  const end = endOfQuestion(answer) ?? HEADER_BYTES;
  const short = Buffer.from(answer.subarray(0, end));
  short.writeUInt16BE(short.readUInt16BE(2) | TRUNCATED, 2);
  short.fill(0, 6, HEADER_BYTES);
  return short;
}
