/**
 * What two daemons say to each other about probes, over gossip: JSON, one question and one answer of the same id. It says nothing that
 * the pool does not know anyway, and no answer is longer than its question.
 */
import * as z from 'zod';

/** Bytes to which a question that goes as a datagram is filled up; no answer is longer. It fits the packets of gossip. */
export const QUESTION_BYTES = 1100;

/** Probes of one session. */
export const MAX_PROBES = 512;

const token = z.string().regex(/^[0-9a-f]{32}$/);
const base = { id: z.string().regex(/^[0-9a-f]{1,16}$/), token, fill: z.string().optional() };

const questionSchema = z.discriminatedUnion('op', [
  z.strictObject({
    ...base,
    op: z.literal('open'),
    /** Where answers to probes are to go: this port of the asking member's address. */
    port: z.number().int().min(1).max(65_535),
  }),
  z.strictObject({ ...base, op: z.literal('look') }),
]);

const answerSchema = z.strictObject({
  id: base.id,
  /** Milliseconds since the epoch, by the clock of the answering host. */
  wall: z.number(),
  /** Where it takes VXLAN. */
  vtep: z.strictObject({ address: z.string().max(45), port: z.number().int().min(1).max(65_535) }),
  /** Questions of this session that came as datagrams. */
  datagrams: z.number().int(),
  /** Numbers of the probes that have come, as bits, least significant first, in hex. */
  arrived: z
    .string()
    .regex(/^[0-9a-f]*$/)
    .max(MAX_PROBES / 4),
  /** Where they came from, each once. */
  sources: z.array(z.tuple([z.string().max(45), z.number().int()])).max(4),
  /** Datagrams that its kernel has dropped for their checksums since the session was opened; null: it does not know. */
  checksum_errors: z.number().int().nullable(),
});

export type Question = z.infer<typeof questionSchema>;
export type Answer = z.infer<typeof answerSchema>;

/** First byte of a datagram, where the record log has its version (control/records/hint.ts): nodes that know nothing of it ignore it. */
const DATAGRAM_MARK = 0xd0;

export function isControlDatagram(bytes: Uint8Array): boolean {
  return bytes[0] === DATAGRAM_MARK;
}

export function encodeQuestion(question: Question): Uint8Array {
  const short = JSON.stringify(question).length;
  const fill = 'x'.repeat(Math.max(0, QUESTION_BYTES - short - '"fill":"",'.length));
  return encode({ ...question, fill });
}

export function encodeAnswer(answer: Answer): Uint8Array {
  return encode(answer);
}

function encode(message: object): Uint8Array {
  return Buffer.concat([Uint8Array.of(DATAGRAM_MARK), Buffer.from(JSON.stringify(message))]);
}

/** undefined: it is neither. */
export function decodeMessage(bytes: Uint8Array): { question: Question } | { answer: Answer } | undefined {
  if (!isControlDatagram(bytes)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.subarray(1)).toString('utf8'));
  } catch {
    return undefined;
  }
  const question = questionSchema.safeParse(value);
  if (question.success) return { question: question.data };
  const answer = answerSchema.safeParse(value);
  return answer.success ? { answer: answer.data } : undefined;
}

/** Numbers as {@link Answer.arrived} has them. */
export function toBits(numbers: Iterable<number>): string {
  const bytes = new Uint8Array(MAX_PROBES / 8);
  for (const n of numbers) if (n < MAX_PROBES) bytes[n >>> 3] = (bytes[n >>> 3] ?? 0) | (1 << (n & 7));
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/(00)+$/, '');
}

export function fromBits(text: string): readonly number[] {
  return [...Buffer.from(text, 'hex')].flatMap((byte, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap(bit => ((byte >>> bit) & 1 ? [i * 8 + bit] : [])),
  );
}
