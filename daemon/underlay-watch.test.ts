import test, { type ExecutionContext } from 'ava';
import { type IpAddress, parseIp } from '../dataplane/address.ts';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { memoryLog } from './testing/memory-log.ts';
import { UnderlayWatch, type UnderlayWatchModules } from './underlay-watch.ts';

const OLD = parseIp('192.0.2.1');
const NEW = parseIp('192.0.2.9');

function rig(
  t: ExecutionContext,
  { isConfigured = false, ...changes }: Partial<UnderlayWatchModules> & { isConfigured?: boolean } = {},
) {
  const machine: { addresses: readonly IpAddress[]; source: IpAddress | undefined } = {
    addresses: [OLD],
    source: OLD,
  };
  const clock = new ManualClock();
  const { log, lines } = memoryLog();
  const moved: string[] = [];
  const watch = new UnderlayWatch(
    {
      clock,
      log,
      has: async address => machine.addresses.includes(address),
      find: async () => {
        if (machine.source === undefined) throw new Error('no route');
        return machine.source;
      },
      ...changes,
    },
    { address: OLD, isConfigured, onMoved: ({ message }) => void moved.push(message) },
  );
  watch.start();
  t.teardown(() => watch.stop());
  const look = async () => {
    clock.advance(1000);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  const events = () => lines.map(({ event }) => event);
  return { machine, watch, moved, look, events };
}

test('an address that stays is nothing to tell of, whatever the routes are', async t => {
  const { machine, moved, look, events } = rig(t);
  await look();
  machine.source = NEW;
  machine.addresses = [OLD, NEW];
  await look();
  t.deepEqual([moved, events()], [[], []]);
});

test('another address in its place is told once, and looked for no more', async t => {
  const { machine, moved, look, events } = rig(t);
  machine.addresses = [NEW];
  machine.source = NEW;
  for (let i = 0; i < 3; i++) await look();
  t.deepEqual(moved, ['the underlay address 192.0.2.1 is gone, and this machine has 192.0.2.9 now']);
  t.deepEqual(events(), ['underlay_gone']);
});

test('a machine without any address is waited for', async t => {
  const { machine, moved, look, events } = rig(t);
  machine.addresses = [];
  machine.source = undefined;
  for (let i = 0; i < 3; i++) await look();
  machine.addresses = [OLD];
  await look();
  t.deepEqual([moved, events()], [[], ['underlay_gone', 'underlay_back']]);
});

test('a configured address is waited for, also where there is another', async t => {
  const { machine, moved, look, events } = rig(t, { isConfigured: true });
  machine.addresses = [NEW];
  machine.source = NEW;
  for (let i = 0; i < 3; i++) await look();
  t.deepEqual([moved, events()], [[], ['underlay_gone']]);
});

test('after its stop nothing is told, not even what was being looked at', async t => {
  const { machine, watch, moved, look, events } = rig(t);
  machine.addresses = [NEW];
  machine.source = NEW;
  watch.stop();
  await look();
  t.deepEqual([moved, events()], [[], []]);
});

for (const [address, expected] of [
  ['127.0.0.1', []],
  ['::1', []],
  ['203.0.113.77', ['underlay_gone']],
  ['2001:db8:77::1', ['underlay_gone']],
] as const) {
  test(`the kernel is asked whether the machine has ${address}`, async t => {
    const clock = new ManualClock();
    const { log, lines } = memoryLog();
    const watch = new UnderlayWatch(
      { clock, log },
      { address: parseIp(address), isConfigured: true, onMoved: () => t.fail() },
    );
    watch.start();
    // Two rounds of the loop: the answer of bind(2) comes by it.
    for (let round = 0; round < 5; round++) await new Promise(resolve => setImmediate(resolve));
    watch.stop();
    t.deepEqual(
      lines.map(({ event }) => event),
      [...expected],
    );
  });
}
