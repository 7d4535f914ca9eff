import test from 'ava';
import { type Answer, decode, encode } from 'dns-packet';
import { parseQuery, RCODE } from './query.ts';
import { encodeReply, truncate } from './reply.ts';

function asked(name = 'WEB.blue.weft', withOption = false) {
  const option = { type: 'OPT', name: '.', udpPayloadSize: 1400, flags: 0x8000, options: [] };
  const additionals = withOption ? [option as never] : [];
  const bytes = encode({
    type: 'query',
    id: 7,
    flags: 0x0100,
    questions: [{ name, type: 'A' }],
    additionals,
  });
  const parsed = parseQuery(bytes);
  if (parsed.kind !== 'query') throw new Error('it is a query');
  return parsed.query;
}

function addresses(count: number): Answer[] {
  return Array.from({ length: count }, (_, i) => ({
    name: 'web.blue.weft',
    type: 'A',
    data: `198.18.0.${i}`,
    ttl: 5,
  }));
}

test('encodeReply repeats id, question as it was spelled, and the wish for recursion', t => {
  const packet = decode(
    encodeReply(asked(), { rcode: RCODE.noError, isAuthoritative: true, answers: addresses(2) }, 512),
  );
  t.like(packet, {
    id: 7,
    rcode: 'NOERROR',
    flag_qr: true,
    flag_aa: true,
    flag_rd: true,
    flag_ra: true,
    flag_tc: false,
  });
  t.deepEqual(packet.questions, [{ name: 'WEB.blue.weft', type: 'A', class: 'IN' }]);
  t.deepEqual(
    packet.answers?.map(answer => ('data' in answer ? answer.data : undefined)),
    ['198.18.0.0', '198.18.0.1'],
  );
  t.deepEqual(packet.additionals, []);
});

test('encodeReply: who speaks EDNS is answered so, DO included, and the upper bits of a code are there', t => {
  const { additionals, flags = 0 } = decode(encodeReply(asked('a', true), { rcode: RCODE.badVers }, 512));
  t.is(flags & 0xf, RCODE.noError);
  t.like(additionals?.[0], { type: 'OPT', udpPayloadSize: 1232, extendedRcode: 1, flags: 0x8000 });
});

test('encodeReply: what does not fit says so, and is never longer than it may be', t => {
  for (const limit of [512, 900, 1232]) {
    const bytes = encodeReply(asked(), { rcode: RCODE.noError, answers: addresses(100) }, limit);
    const packet = decode(bytes);
    t.true(packet.flag_tc);
    t.true(bytes.length <= limit && bytes.length > limit - 60, `${bytes.length} of ${limit}`);
  }
  t.false(decode(encodeReply(asked(), { rcode: RCODE.noError, answers: addresses(100) }, 65_535)).flag_tc);
});

test('encodeReply to what has no question has none', t => {
  const bytes = encodeReply(
    { id: 9, flags: 0, question: Buffer.alloc(0), edns: undefined },
    { rcode: RCODE.formErr },
    512,
  );
  t.like(decode(bytes), { id: 9, rcode: 'FORMERR', questions: [], answers: [] });
});

test('truncate leaves what fits, and of the rest the question', t => {
  const long = encodeReply(asked(), { rcode: RCODE.noError, answers: addresses(30) }, 65_535);
  t.is(truncate(long, long.length), long);
  const packet = decode(truncate(long, 512));
  t.like(packet, { id: 7, flag_tc: true, answers: [], authorities: [], additionals: [] });
  t.is(packet.questions?.length, 1);
  t.notThrows(() => truncate(Buffer.alloc(600), 512));
});
