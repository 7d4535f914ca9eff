import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Gossip } from '../../control/gossip.ts';
import { gossipKey } from '../../control/gossip-key.ts';
import { Keyring } from '../../control/keyring.ts';
import { systemRandom } from '../../control/random.ts';
import type { RecordEvent } from '../../control/records/events.ts';
import { weftTags } from '../../control/tags.ts';
import { endpointOf, until } from '../../control/testing/real-pool.ts';
import { formatMac, type IpAddress, parseIp, parseMac, parseVni } from '../../dataplane/address.ts';
import { systemClock } from '../../dataplane/clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { RecordService } from './record-service.ts';

const BLUE = parseVni(42);

function endpoint(n: number, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    network: 'blue',
    vni: 42,
    attach: 'bridge',
    netns: { name: 'web', path: '/run/netns/web', inode: n },
    ifname: 'eth0',
    mac: `02:00:00:00:00:0${n}`,
    addresses: [`198.18.0.${n}/24`],
    mtu: 1450,
    hostLink: `wv-${n}`,
    pending: false,
    ...changes,
  };
}

interface Options {
  readonly join?: readonly string[];
  readonly keyring?: Keyring;
  readonly stored?: readonly Endpoint[];
}

/** Gossip and records of one node, on real sockets of loopback. */
async function startNode(t: ExecutionContext, name: string, address: IpAddress, options: Options = {}) {
  const { join = [], keyring, stored = [] } = options;
  const { log, lines } = memoryLog();
  const events: RecordEvent[] = [];
  const service: RecordService = new RecordService(
    {
      clock: systemClock,
      random: systemRandom,
      log,
      keyring,
      sendHint: (to, hint) => gossip.sendHint(to, hint),
    },
    {
      name,
      address,
      stateDirectory: await tempDirectory(t),
      vtep: { address, port: 4789 },
      onPost: () => {},
      onEvent: event => events.push(event),
    },
  );
  const gossip: Gossip = new Gossip(
    { clock: systemClock, random: systemRandom, log },
    {
      name,
      address,
      port: 0,
      join,
      keyring,
      tags: service.tagged(weftTags({ vtep: address, port: 4789, vnis: [BLUE] })),
      takeLink: (socket, head) => service.takeLink(socket, head),
      takeHint: (from, hint) => service.takeHint(from, hint),
    },
  );
  gossip.onEvent(event => {
    if (event.type !== 'nameConflict') service.memberChanged(event);
  });
  service.open([BLUE], stored);
  t.teardown(async () => {
    await service.stop();
    await gossip.close();
  });
  await gossip.start();
  service.start();
  return { events, gossip, lines, service };
}

const ring = (fill: number) => new Keyring([gossipKey(new Uint8Array(32).fill(fill))]);

for (const keyring of [undefined, ring(7)]) {
  const how = keyring === undefined ? 'in the clear' : 'sealed';
  test(`what one node announces the other knows: ${how}`, async t => {
    const key = keyring === undefined ? {} : { keyring };
    const a = await startNode(t, 'a', parseIp('127.0.0.1'), { ...key, stored: [endpoint(1)] });
    const b = await startNode(t, 'b', parseIp('127.0.0.2'), { ...key, join: [endpointOf(a.gossip)] });
    const owner = (n: number) => b.service.records.owner(BLUE, parseMac(endpoint(n).mac));
    t.true(await until(() => owner(1)?.origin === 'a' && b.service.records.tells(BLUE, 'a'), 10_000));
    t.like(owner(1), { interface: 'eth0', containerId: 'web', mobility: 0, ips: ['198.18.0.1'] });
    t.is(a.service.announcer.announce(endpoint(2, { mobility: 4 })), 4);
    t.true(await until(() => owner(2)?.mobility === 4, 5000));
    a.service.announcer.withdraw(endpoint(2));
    t.true(await until(() => owner(2) === undefined, 5000));
    t.is(b.service.announcer.announce(endpoint(1)), 1, 'who takes an address over counts one more');
    t.true(await until(() => a.events.some(({ type }) => type === 'claimLost'), 5000));
  });
}

test('a node with another key learns nothing, and an unsealed link is closed', async t => {
  const a = await startNode(t, 'a', parseIp('127.0.0.3'), { keyring: ring(7), stored: [endpoint(1)] });
  const self = a.gossip.self();
  const socket = connect({ host: String(self?.address), port: Number(self?.port) });
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()));
  let received = 0;
  socket.on('data', chunk => {
    received += chunk.length;
  });
  const hello = Buffer.from([1, 1, 1, 0x61]);
  socket.write(Buffer.concat([Buffer.from([0x77]), Buffer.from('log'), Buffer.from([1, 0, 0, 0, 4]), hello]));
  await closed;
  t.true(received < 200, 'no more than our own hello, sealed');
  t.is(a.service.records.report().links, 0);
});

test('a long name of a namespace is cut to what a record holds, and what a stored file has wrong is said', async t => {
  const a = await startNode(t, 'a', parseIp('127.0.0.4'), {
    stored: [
      endpoint(1, { netns: { name: `/run/${'ü'.repeat(200)}`, path: '/x', inode: 1 } }),
      endpoint(2, { mac: '01:00:5e:00:00:02' }),
      endpoint(3, { pending: true }),
      endpoint(4, { vni: 43 }),
    ],
  });
  const known = [...a.service.records.owners(BLUE)];
  t.deepEqual(
    known.map(({ mac }) => formatMac(mac)),
    ['02:00:00:00:00:01'],
  );
  t.is(Buffer.byteLength(known[0]?.containerId ?? ''), 128);
  t.is(a.lines.filter(({ msg }) => msg === 'an endpoint cannot be announced').length, 1);
});
