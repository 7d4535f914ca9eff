import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { closeTap, type TapDevice } from '../../dataplane/tap-device.ts';
import { netnsPath } from '../lab/names.ts';
import { listLinks } from '../net/ip.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import type { Endpoint } from './endpoint.ts';
import { EndpointStore } from './endpoint-store.ts';
import { Endpoints } from './endpoints.ts';

const NETWORK = {
  name: 'blue',
  vni: 42,
  mtu: 1450,
  subnet: undefined,
  subnet6: undefined,
  attach: 'tap',
  gsoMaxSegs: 44,
  superFrames: { tso: true, uso: true },
} as const;

/** A namespace for one test, named by the process so that two runs do not meet. */
function addNamespace(t: ExecutionContext, name: string): string {
  const full = `weft-${name}-${process.pid}`;
  execFileSync('ip', ['netns', 'add', full]);
  t.teardown(() => {
    if (existsSync(netnsPath(full))) execFileSync('ip', ['netns', 'del', full]);
  });
  return full;
}

/** Fails the writes that it is told to. */
class FailingStore extends EndpointStore {
  failing: readonly ('replace' | 'remove')[] = [];

  override async replace(before: Endpoint, now: Endpoint): Promise<void> {
    this.failIf('replace');
    await super.replace(before, now);
  }

  override async remove(endpoint: Endpoint): Promise<void> {
    this.failIf('remove');
    await super.remove(endpoint);
  }

  private failIf(what: 'replace' | 'remove'): void {
    if (this.failing.includes(what)) throw new WeftError('system', `disk full: ${what}`);
  }
}

async function makeEndpoints(t: ExecutionContext) {
  const store = new FailingStore(await tempDirectory(t));
  const open = new Map<string, Pick<TapDevice, 'fds'>>();
  const removePort = async ({ hostLink }: Endpoint): Promise<void> => {
    const device = open.get(hostLink);
    if (device === undefined) throw new WeftError('not_found', 'no such port');
    open.delete(hostLink);
    closeTap(device);
  };
  t.teardown(() => {
    for (const device of open.values()) closeTap(device);
  });
  const { log, lines } = memoryLog();
  const announced = new Set<string>();
  const quota = { isReached: false };
  const firewall = { isRefusing: false };
  const endpoints = new Endpoints({
    clock: systemClock,
    log,
    store,
    wiring: {
      addPort: async ({ hostLink }, device) => {
        open.set(hostLink, device);
      },
      removePort,
      attachMac: async () => {},
      releaseMac: async () => {},
      moved: async () => {},
    },
    announcer: {
      announce({ hostLink, mobility = 0 }) {
        if (quota.isReached) throw new WeftError('unavailable', 'peers would not take it');
        announced.add(hostLink);
        return mobility;
      },
      withdraw: ({ hostLink }) => {
        announced.delete(hostLink);
      },
    },
    networks: { find: () => NETWORK, carry: async () => {} },
    addresses: {
      gives: () => false,
      isUsable: () => true,
      release: async () => {},
      take: async (_network, _owner, wanted) => wanted,
    },
    firewall: {
      async sync() {
        if (firewall.isRefusing) throw new WeftError('system', 'nft refuses the rules');
      },
    },
    nodeName: 'a',
    passed: { take: () => [] },
    onLook: async () => {},
    keeps: async () => false,
    onForgotten: () => {},
  });
  return { endpoints, store, open, lines, announced, quota, firewall };
}

function request(netns: string) {
  return { netns, network: 'blue', addresses: ['198.18.0.1/24'], ifname: 'eth0', mac: undefined };
}

async function hasEth0(netns: string): Promise<boolean> {
  return (await listLinks(netnsPath(netns))).some(({ ifname }) => ifname === 'eth0');
}

test('attach() takes the interface away again when the record cannot be completed', async t => {
  const netns = addNamespace(t, 'record');
  const { endpoints, store, open } = await makeEndpoints(t);
  store.failing = ['replace'];
  await t.throwsAsync(endpoints.attach(request(netns)), { message: 'disk full: replace' });
  t.deepEqual(endpoints.all(), []);
  t.is(open.size, 0);
  t.false(await hasEth0(netns));
});

test('attach() makes anew what an earlier one could not take off the record', async t => {
  const netns = addNamespace(t, 'leftover');
  const { endpoints, store, lines } = await makeEndpoints(t);
  store.failing = ['replace', 'remove'];
  await t.throwsAsync(endpoints.attach(request(netns)), { message: 'disk full: replace' });
  t.true(lines.some(({ msg }) => msg === 'cannot be taken back yet'));
  store.failing = [];
  t.false((await endpoints.attach(request(netns))).pending);
  t.is(endpoints.all().length, 1);
  t.true(await hasEth0(netns));
});

test('detach() finds the interface when the process that its namespace was known by has ended', async t => {
  const netns = addNamespace(t, 'process');
  const child = spawn('nsenter', [`--net=${netnsPath(netns)}`, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.teardown(() => child.kill());
  const closed = once(child, 'close');
  child.stdin.write('it is inside\n');
  await once(child.stdout, 'data');
  const { endpoints } = await makeEndpoints(t);
  await endpoints.attach(request(String(child.pid)));
  t.true(await hasEth0(netns));
  child.stdin.end();
  await closed;
  t.deepEqual(await endpoints.detach({ netns, network: 'blue', ifname: 'eth0' }), { removed: true });
  t.false(await hasEth0(netns));
});

test('an endpoint is announced as long as it is attached, also when it is taken over', async t => {
  const netns = addNamespace(t, 'announced');
  const { endpoints, announced, open, store } = await makeEndpoints(t);
  const { hostLink } = await endpoints.attach(request(netns));
  t.deepEqual([...announced], [hostLink]);
  await endpoints.moved(hostLink, 7);
  t.is(store.all()[0]?.mobility, 7);
  announced.clear();
  // As the end of the process would.
  for (const device of open.values()) closeTap(device);
  open.clear();
  await endpoints.restore();
  t.deepEqual([...announced], [hostLink]);
  await endpoints.detach({ netns, network: 'blue', ifname: 'eth0' });
  t.deepEqual([...announced], []);
  await endpoints.stop();
});

test('attach() leaves nothing of an endpoint that others would not take', async t => {
  const netns = addNamespace(t, 'quota');
  const { endpoints, open, quota } = await makeEndpoints(t);
  quota.isReached = true;
  await t.throwsAsync(endpoints.attach(request(netns)), { code: 'unavailable' });
  t.deepEqual(endpoints.all(), []);
  t.is(open.size, 0);
  t.false(await hasEth0(netns));
});

test('publish() and withdraw(): ports of an endpoint that is there, chosen among those that are free', async t => {
  const netns = addNamespace(t, 'publish');
  const { endpoints, firewall } = await makeEndpoints(t);
  const attached = await endpoints.attach(request(netns));
  const other = await endpoints.attach({ ...request(netns), ifname: 'eth1', addresses: ['198.18.0.2/24'] });
  const wish = { protocol: 'tcp', containerPort: 80 } as const;
  const named = { ...wish, hostPorts: [8080, 8080] } as const;
  t.deepEqual((await endpoints.publish(attached, [named])).ports, [{ ...wish, hostPort: 8080 }]);
  await t.throwsAsync(endpoints.publish(other, [named]), {
    code: 'conflict',
    message: /^port 8080\/tcp of this VM is published by eth0 /,
  });
  t.deepEqual((await endpoints.publish(other, [{ ...wish, hostPorts: [8080, 8081] }])).ports, [
    { ...wish, hostPort: 8081 },
  ]);
  firewall.isRefusing = true;
  await t.throwsAsync(endpoints.publish(other, [{ ...wish, hostPorts: [9090, 9090] }]), {
    message: 'nft refuses the rules',
  });
  firewall.isRefusing = false;
  const portsOf = () => endpoints.all().map(({ ports }) => ports?.map(({ hostPort }) => hostPort));
  t.deepEqual(portsOf(), [[8080], [8081]]);
  for (let round = 0; round < 2; round++) await endpoints.withdraw(attached);
  t.deepEqual(portsOf(), [undefined, [8081]]);
  await endpoints.remove(attached);
  await endpoints.withdraw(attached);
  await t.throwsAsync(endpoints.publish(attached, [named]), { code: 'not_found' });
});
