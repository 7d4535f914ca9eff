import test from 'ava';
import {
  type Answer,
  decodeMessage,
  encodeAnswer,
  encodeQuestion,
  fromBits,
  isControlDatagram,
  MAX_PROBES,
  QUESTION_BYTES,
  toBits,
} from './control-message.ts';

const TOKEN = '00112233445566778899aabbccddeeff';

test('messages are read as they were written', t => {
  for (const question of [
    { id: 'ab', token: TOKEN, op: 'open', port: 4789 },
    { id: 'ab', token: TOKEN, op: 'look' },
  ] as const) {
    const bytes = encodeQuestion(question);
    t.true(isControlDatagram(bytes));
    t.like(decodeMessage(bytes), { question });
  }
});

test('the longest answer is not longer than the shortest question', t => {
  const answer: Answer = {
    id: 'f'.repeat(16),
    wall: 1_800_000_000_000.123,
    vtep: { address: 'x'.repeat(45), port: 65_535 },
    datagrams: 1_000_000,
    arrived: 'ff'.repeat(MAX_PROBES / 8),
    sources: Array.from({ length: 4 }, () => ['y'.repeat(45), 65_535] as [string, number]),
    checksum_errors: 1_000_000_000,
  };
  t.deepEqual(decodeMessage(encodeAnswer(answer)), { answer });
  const question = encodeQuestion({ id: '1', token: TOKEN, op: 'look' });
  t.true(encodeAnswer(answer).length <= question.length);
  t.true(Math.abs(question.length - QUESTION_BYTES) < 4, `${question.length} bytes`);
});

test('what is neither is undefined, and never throws', t => {
  const good = encodeQuestion({ id: 'ab', token: TOKEN, op: 'open', port: 4789 });
  const text = (value: unknown) => Buffer.concat([Uint8Array.of(0xd0), Buffer.from(JSON.stringify(value))]);
  const table: readonly Uint8Array[] = [
    new Uint8Array(0),
    Uint8Array.of(1, 2, 3),
    Uint8Array.of(0xd0),
    good.subarray(0, good.length - 1),
    text(null),
    text([]),
    text({ id: 'ab', token: 'short', op: 'open', port: 4789 }),
    text({ id: 'ab', token: TOKEN, op: 'open', port: 0 }),
    text({ id: 'ab', token: TOKEN, op: 'close' }),
    text({ id: '', token: TOKEN, op: 'look' }),
    text({ id: 'ab', token: TOKEN, op: 'look', more: 1 }),
  ];
  for (const bytes of table) t.is(decodeMessage(bytes), undefined, Buffer.from(bytes).toString('latin1'));
});

test('numbers survive as bits; those out of range are left out', t => {
  for (const numbers of [[], [0], [7, 8], [0, 1, 255, 511]]) t.deepEqual(fromBits(toBits(numbers)), numbers);
  t.deepEqual(fromBits(toBits([512, 3])), [3]);
});
