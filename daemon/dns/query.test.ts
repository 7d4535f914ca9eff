import test from 'ava';
import { encode, type Packet } from 'dns-packet';
import { type ParsedQuery, parseQuery, QUERY_MAX_BYTES, RCODE } from './query.ts';

const QUESTION = { name: 'Web.blue.weft', type: 'A' } as const;

function message(packet: Packet = {}): Buffer {
  return encode({ type: 'query', id: 0x1234, flags: 0x0100, questions: [QUESTION], ...packet });
}

/** The message with a 16-bit word replaced. */
function withWord(at: number, value: number, bytes = message()): Buffer {
  bytes.writeUInt16BE(value, at);
  return bytes;
}

function option(changes: object = {}): Packet {
  const record = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [], ...changes };
  return { additionals: [record as never] };
}

function verdict(parsed: ParsedQuery): string {
  return parsed.kind === 'refused' ? `refused ${parsed.rcode}` : parsed.kind;
}

test('parseQuery: what is asked, and how much may be answered', t => {
  const plain = parseQuery(message());
  t.like(plain.kind === 'query' ? plain.query : undefined, {
    id: 0x1234,
    name: 'web.blue.weft',
    spelled: 'Web.blue.weft',
    type: 'A',
    isRecursionDesired: true,
    udpBytes: 512,
    edns: undefined,
  });
  for (const [udpPayloadSize, udpBytes] of [
    [1, 512],
    [512, 512],
    [900, 900],
    [4096, 1232],
    [65_535, 1232],
  ]) {
    const parsed = parseQuery(message(option({ udpPayloadSize, flags: 0x8000 })));
    t.like(parsed.kind === 'query' ? parsed.query : undefined, { udpBytes, edns: { flags: 0x8000 } });
  }
});

for (const [title, bytes, expected] of [
  ['nothing', Buffer.alloc(0), 'ignored'],
  ['less than a header', message().subarray(0, 11), 'ignored'],
  ['an answer', withWord(2, 0x8100), 'ignored'],
  ['a header alone', message().subarray(0, 12), `refused ${RCODE.formErr}`],
  ['a status request', withWord(2, 0x1000), `refused ${RCODE.notImp}`],
  ['an update', withWord(2, 0x2800), `refused ${RCODE.notImp}`],
  ['no question', withWord(4, 0), `refused ${RCODE.formErr}`],
  ['two questions', message({ questions: [QUESTION, QUESTION] }), `refused ${RCODE.formErr}`],
  ['65535 questions', withWord(4, 65_535), `refused ${RCODE.formErr}`],
  ['an answer in a query', withWord(6, 1), `refused ${RCODE.formErr}`],
  ['an authority in a query', withWord(8, 1), `refused ${RCODE.formErr}`],
  ['65535 additionals', withWord(10, 65_535), `refused ${RCODE.formErr}`],
  ['an additional that is not there', withWord(10, 1), `refused ${RCODE.formErr}`],
  ['class CH', message({ questions: [{ ...QUESTION, class: 'CH' }] }), `refused ${RCODE.refused}`],
  ['EDNS version 1', message(option({ ednsVersion: 1 })), `refused ${RCODE.badVers}`],
  [
    'two OPT records',
    message({ additionals: [...(option().additionals ?? []), ...(option().additionals ?? [])] }),
    `refused ${RCODE.formErr}`,
  ],
  ['a name that points to itself', withWord(12, 0xc00c), `refused ${RCODE.formErr}`],
  ['a name that points to the header', withWord(12, 0xc000), `refused ${RCODE.formErr}`],
  ['a label of a reserved kind', withWord(12, 0x8003), `refused ${RCODE.formErr}`],
  [
    'a name of 300 bytes',
    Buffer.concat([
      message().subarray(0, 12),
      Buffer.from('\x01a'.repeat(150)),
      Buffer.from([0, 0, 1, 0, 1]),
    ]),
    `refused ${RCODE.formErr}`,
  ],
  [
    'more than a query has',
    Buffer.concat([message(), Buffer.alloc(QUERY_MAX_BYTES)]),
    `refused ${RCODE.formErr}`,
  ],
  ['the root', message({ questions: [{ name: '.', type: 'NS' }] }), 'query'],
  ['a type of later', withWord(27, 0xff00), 'query'],
] as const) {
  test(`parseQuery: ${title} is ${expected}`, t => {
    t.is(verdict(parseQuery(bytes)), expected);
  });
}

test('parseQuery: cut at every byte, and damaged at every byte, it throws nothing', t => {
  const whole = message(option({ options: [{ code: 'PADDING', length: 3 }] }));
  let read = 0;
  for (let length = 0; length < whole.length; length++) {
    const parsed = parseQuery(whole.subarray(0, length));
    t.not(parsed.kind, 'query', `${length} of ${whole.length} bytes`);
    for (const value of [0, 0x3f, 0x40, 0xc0, 0xff]) {
      const damaged = Buffer.from(whole);
      damaged[length] = value;
      t.notThrows(() => parseQuery(damaged), `byte ${length} is ${value}`);
      read += Number(parseQuery(damaged).kind === 'query');
    }
  }
  t.true(read > 50, 'much of what is damaged is another query');
});
