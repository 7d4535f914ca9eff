import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { Fields } from '../fields.ts';
import type { Member } from '../members.ts';
import { MsgpackReader } from '../msgpack.ts';
import { encodeTags } from '../tags.ts';
import { answerConflict } from './conflict.ts';

const MEMBER: Member = {
  name: 'd',
  address: parseIp('192.0.2.4'),
  port: 7946,
  incarnation: 3,
  state: 'suspect',
  since: 0,
  meta: encodeTags(new Map([['role', 'judge']])),
  version: Uint8Array.of(1, 5, 2, 2, 5, 4),
};
const table = { get: (name: string) => (name === 'd' ? MEMBER : undefined) };
const ask = (name: string) => answerConflict(table, 'a', Buffer.from(name));

test('answerConflict() says where the node of a name is, as serf has members', t => {
  const answer = ask('d') ?? new Uint8Array(0);
  t.is(answer[0], 6);
  const fields = new Fields(new MsgpackReader(answer, 1));
  t.is(fields.text('Name'), 'd');
  t.is(fields.address('Addr'), MEMBER.address);
  const numbers = [
    'Port',
    'Status',
    'ProtocolMin',
    'ProtocolMax',
    'ProtocolCur',
    'DelegateMin',
    'DelegateMax',
    'DelegateCur',
  ];
  t.deepEqual(
    numbers.map(name => fields.unsigned(name, 0xffff)),
    [7946, 1, 1, 5, 2, 2, 5, 4],
  );
  t.true(Buffer.from(answer).includes('judge'));
});

test('answerConflict() has nothing to say of itself, of strangers and of what is no name', t => {
  t.is(ask('a'), undefined);
  t.is(ask('x'), undefined);
  t.is(answerConflict(table, 'a', Uint8Array.of(0xff, 0xfe)), undefined);
});
