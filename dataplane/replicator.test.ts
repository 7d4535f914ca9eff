import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import { type MacAddress, parseIp, parseVni, type VtepAddress } from './address.ts';
import type { Destination } from './forwarding-table.ts';
import { LocalPort } from './local-port.ts';
import { type LearnedMac, type ReplicationChannel, Replicator } from './replicator.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { Vtep } from './vtep-table.ts';

const VNI = parseVni(42);
const TAP = new LocalPort('tap0').destination;
const VTEP = new Vtep(parseIp('192.0.2.2') as VtepAddress, 4789).destination;

function mac(n: number): MacAddress {
  return (0x02005e100000 + n) as MacAddress;
}

/** The other end of a channel: what was posted to it, and a way to post. */
class FakeChannel implements ReplicationChannel {
  readonly posted: (readonly LearnedMac[])[] = [];
  closed = false;
  private listener: (message: readonly LearnedMac[]) => void = () => {};

  postMessage(message: readonly LearnedMac[]): void {
    this.posted.push(message);
  }

  on(_event: 'message', listener: (message: readonly LearnedMac[]) => void): void {
    this.listener = listener;
  }

  close(): void {
    this.closed = true;
  }

  receive(message: readonly LearnedMac[]): void {
    this.listener(message);
  }
}

function setUp() {
  const clock = new ManualClock();
  const channels = [new FakeChannel(), new FakeChannel()] as const;
  const replicator = new Replicator({ clock, channels });
  const learn = replicator.teller(VNI) as (
    mac: MacAddress,
    destination: Destination<LocalPort, Vtep>,
    seen: number,
  ) => void;
  return { clock, channels, replicator, learn };
}

test('what is learned reaches every other worker in one message', t => {
  const { clock, channels, learn } = setUp();
  learn(mac(1), TAP, 10);
  learn(mac(2), VTEP, 11);
  t.deepEqual(channels[0].posted, []);
  clock.advance(1);
  const message = [
    { vni: VNI, mac: mac(1), port: 'tap0', vtep: null, seen: 10 },
    { vni: VNI, mac: mac(2), port: null, vtep: '192.0.2.2', seen: 11 },
  ];
  for (const { posted } of channels) t.deepEqual(posted as unknown, [message]);
  clock.advance(1000);
  t.is(channels[0].posted.length, 1, 'nothing more without something new');
});

test('an address that moves many times within a message is told as it stands at the end', t => {
  const { clock, channels, learn } = setUp();
  for (let i = 0; i < 1000; i++) learn(mac(1), i % 2 === 0 ? VTEP : TAP, i);
  clock.advance(1);
  t.deepEqual(channels[0].posted as unknown, [
    [{ vni: VNI, mac: mac(1), port: 'tap0', vtep: null, seen: 999 }],
  ]);
});

test('a flood of addresses makes no message larger than 4096', t => {
  const { clock, channels, learn } = setUp();
  for (let i = 0; i < 10_000; i++) learn(mac(i), TAP, i);
  clock.advance(1);
  learn(mac(1), TAP, 10_001);
  clock.advance(1);
  t.deepEqual(
    channels[0].posted.map(message => message.length),
    [4096, 1],
  );
});

test('what others tell is handed on one by one, in their order', t => {
  const { channels, replicator } = setUp();
  const adopted: MacAddress[] = [];
  replicator.onMessage(({ mac: told }) => adopted.push(told));
  const entry = (n: number): LearnedMac => ({ vni: VNI, mac: mac(n), port: 'tap0', vtep: null, seen: n });
  channels[1].receive([entry(3), entry(1)]);
  channels[0].receive([entry(2)]);
  t.deepEqual(adopted, [mac(3), mac(1), mac(2)]);
});

test('over the channels of node:worker_threads', async t => {
  const { port1, port2 } = new MessageChannel();
  const clock = new ManualClock();
  const learn = new Replicator({ clock, channels: [port1] }).teller(VNI);
  const other = new Replicator({ clock, channels: [port2] });
  const adopted = new Promise<LearnedMac>(resolve => other.onMessage(resolve));
  learn(mac(1), VTEP, 0.125);
  clock.advance(1);
  t.deepEqual(await adopted, { vni: VNI, mac: mac(1), port: null, vtep: VTEP.vtep.address, seen: 0.125 });
  other.close();
});

test('close() closes the channels', t => {
  const { channels, replicator } = setUp();
  replicator.close();
  t.true(channels.every(({ closed }) => closed));
});
