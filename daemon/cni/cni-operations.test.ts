import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { ResolverSettings } from '../dns/resolvers.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import type { AttachRequest } from '../operations.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { type CniCommand, parseCall } from './call.ts';
import { CniOperations } from './cni-operations.ts';

const NETWORK = { name: 'blue', subnet: '198.18.0.0/24', subnet6: '2001:db8::/64' } as AttachableNetwork;
const CONTAINER = { runtime: 'cni', id: 'c1', network: 'blue' };

function endpointOf(request: AttachRequest): Endpoint {
  const { netns, ifname, addresses, mac = '02:00:5e:10:00:01', container, names = [], routes } = request;
  const given = addresses.includes('auto') ? ['198.18.0.77/24'] : [...addresses];
  const fixed = {
    network: 'blue',
    vni: 42,
    attach: 'bridge',
    mtu: 1450,
    hostLink: 'wv0',
    pending: false,
  } as const;
  return {
    ...fixed,
    netns: { name: netns, path: netns, inode: 1 },
    ifname,
    mac,
    addresses: given,
    container,
    names: [...names],
    ...(routes !== undefined && { routes: [...routes] }),
  };
}

interface RigOptions {
  attachMs?: number;
  failure?: Error;
  settings?: ResolverSettings;
}

function rig({ attachMs = 0, failure, settings }: RigOptions = {}) {
  const clock = new ManualClock();
  const { log, lines } = memoryLog();
  const requests: AttachRequest[] = [];
  let endpoints: Endpoint[] = [];
  const operations = new CniOperations({
    clock,
    log,
    endpoints: {
      all: () => endpoints,
      remove: async endpoint => {
        endpoints = endpoints.filter(other => other !== endpoint);
      },
    },
    attach: async request => {
      requests.push(request);
      if (attachMs > 0) await new Promise<void>(resolve => clock.after(attachMs, resolve));
      if (failure !== undefined) throw failure;
      const endpoint = endpointOf(request);
      endpoints = [...endpoints, endpoint];
      return endpoint;
    },
    settingsOf: () => settings,
    networks: {
      find(name) {
        if (name === 'blue') return NETWORK;
        throw new WeftError('not_found', `there is no network "${name}" on this node`, {
          hint: 'known ones: blue',
        });
      },
    },
  });
  const call = async (
    command: CniCommand,
    {
      config = {},
      env = {},
      delegated,
    }: { config?: object; env?: Record<string, string>; delegated?: object } = {},
  ) => {
    const environment = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: 'c1',
      CNI_NETNS: '/run/netns/c1',
      CNI_IFNAME: 'eth0',
      ...env,
    };
    const text = JSON.stringify({ cniVersion: '1.0.0', name: 'blue', ...config });
    const input = { config: text, ...(delegated !== undefined && { delegated: JSON.stringify(delegated) }) };
    const { ok, body } = await operations.call(parseCall(environment, input));
    return { ok, body: body === '' ? undefined : JSON.parse(body) };
  };
  return { call, clock, lines, requests, endpoints: () => endpoints };
}

test('ADD attaches what was asked for, and tells what was made', async t => {
  const { call, requests } = rig();
  const runtimeConfig = { ips: ['198.18.0.5', '2001:db8::5'], mac: '02:00:00:00:00:05' };
  const { ok, body } = await call('ADD', { config: { runtimeConfig } });
  t.true(ok);
  t.like(requests[0], {
    netns: '/run/netns/c1',
    network: 'blue',
    addresses: ['198.18.0.5/24', '2001:db8::5/64'],
    mac: '02:00:00:00:00:05',
  });
  t.deepEqual(requests[0]?.container, CONTAINER);
  t.deepEqual(body, {
    cniVersion: '1.0.0',
    interfaces: [
      { name: 'wv0', mac: '' },
      { name: 'eth0', mac: '02:00:00:00:00:05', sandbox: '/run/netns/c1' },
    ],
    ips: [
      { address: '198.18.0.5/24', interface: 1 },
      { address: '2001:db8::5/64', interface: 1 },
    ],
    routes: [],
    dns: {},
  });
});

test('ADD without addresses takes those that weft has', async t => {
  const { call, requests } = rig();
  const { body } = await call('ADD');
  t.deepEqual(requests[0]?.addresses, ['auto']);
  t.is(body.ips[0].address, '198.18.0.77/24');
});

for (const [cniVersion, ip, link] of [
  ['0.3.1', { version: '4', address: '198.18.0.77/24', interface: 1 }, { name: 'wv0', mac: '' }],
  ['0.4.0', { version: '4', address: '198.18.0.77/24', interface: 1 }, { name: 'wv0', mac: '' }],
  ['1.1.0', { address: '198.18.0.77/24', interface: 1 }, { name: 'wv0', mac: '', mtu: 1450 }],
] as const) {
  test(`ADD answers as version ${cniVersion} has it`, async t => {
    const { body } = await rig().call('ADD', { config: { cniVersion } });
    t.is(body.cniVersion, cniVersion);
    t.deepEqual([body.ips[0], body.interfaces[0]], [ip, link]);
  });
}

test('ADD with an IPAM plugin takes its addresses, and passes on what else it says', async t => {
  const { call, requests } = rig();
  const delegated = {
    cniVersion: '1.0.0',
    ips: [{ address: '198.18.0.20/24', gateway: '198.18.0.1' }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: { nameservers: ['192.0.2.53'] },
  };
  const { body } = await call('ADD', { config: { ipam: { type: 'host-local' } }, delegated });
  t.deepEqual(requests[0]?.addresses, ['198.18.0.20/24']);
  t.like(body, { routes: [{ dst: '0.0.0.0/0', gw: '198.18.0.1' }], dns: { nameservers: ['192.0.2.53'] } });
  t.deepEqual(body.ips, [{ address: '198.18.0.20/24', gateway: '198.18.0.1', interface: 1 }]);
});

const OURS = { nameservers: ['127.0.47.89'], search: ['blue.weft'] };

for (const [title, given, expected] of [
  ['nobody says anything of names', {}, OURS],
  [
    'somebody gives a domain and searches',
    { domain: 'a.example', search: ['b.example'] },
    {
      ...OURS,
      domain: 'a.example',
      search: ['blue.weft', 'b.example'],
    },
  ],
  ['somebody names servers', { nameservers: ['192.0.2.53'] }, { nameservers: ['192.0.2.53'] }],
  ['somebody names none', { nameservers: null, search: null }, OURS],
] as const) {
  test(`ADD where names are answered tells where to ask: ${title}`, async t => {
    const prevResult = { ips: [], dns: given };
    const { body } = await rig({ settings: OURS }).call('ADD', { config: { prevResult } });
    t.deepEqual(body.dns, expected);
  });
}

test('ADD gives the container the names that its runtime has for it', async t => {
  const { call, requests } = rig();
  const env = { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=Web' };
  await call('ADD', { config: { runtimeConfig: { aliases: { blue: ['store'] } } }, env });
  t.like(requests[0], { names: ['web', 'store'] });
  const { body } = await call('ADD', { config: { runtimeConfig: { aliases: ['no.label'] } } });
  t.regex(body.msg, /"no\.label" cannot be the name of a container in DNS/);
  await call('ADD', { config: { resolver: false }, env: { CNI_IFNAME: 'net1' } });
  t.false(requests[1]?.resolver);
});

test('ADD asks for the routes of an IPAM plugin, by the gateways of its addresses, and tells them as its version can', async t => {
  const delegated = {
    ips: [{ address: '198.18.0.20/24', gateway: '198.18.0.1' }, { address: '2001:db8::20/64' }],
    routes: [
      { dst: '0.0.0.0/0', gw: '', mtu: 1400, advmss: null, priority: 5, table: 100, scope: 0 },
      { dst: '10.0.0.0/8', gw: '198.18.0.9' },
      { dst: '2001:DB8:1::/48' },
    ],
  };
  const short = [
    { dst: '0.0.0.0/0', gw: '198.18.0.1' },
    { dst: '10.0.0.0/8', gw: '198.18.0.9' },
    { dst: '2001:db8:1::/48' },
  ];
  const details = { mtu: 1400, priority: 5, table: 100, scope: 0 };
  for (const [cniVersion, routes] of [
    ['1.0.0', short],
    ['1.1.0', [{ ...short[0], ...details }, short[1], short[2]]],
  ] as const) {
    const { call, requests } = rig();
    const { body } = await call('ADD', { config: { cniVersion, ipam: { type: 'x' } }, delegated });
    t.deepEqual(requests[0]?.routes, [
      { dst: '0.0.0.0/0', gateway: '198.18.0.1', ...details },
      { dst: '10.0.0.0/8', gateway: '198.18.0.9' },
      { dst: '2001:db8:1::/48' },
    ]);
    t.deepEqual(body.routes, routes);
  }
});

test('ADD after other plugins adds to what they have made', async t => {
  const prevResult = {
    interfaces: [{ name: 'eth0', sandbox: '/run/netns/c1' }],
    ips: [{ address: '192.0.2.7/24', interface: 0 }],
    routes: [{ dst: '0.0.0.0/0', gw: '192.0.2.1' }],
    dns: { domain: 'example' },
  };
  const { body } = await rig().call('ADD', { config: { prevResult }, env: { CNI_IFNAME: 'net1' } });
  t.deepEqual(
    body.interfaces.map(({ name }: { name: string }) => name),
    ['eth0', 'wv0', 'net1'],
  );
  t.deepEqual(
    body.ips.map((ip: { interface: number }) => ip.interface),
    [0, 2],
  );
  t.like(body, { routes: prevResult.routes, dns: prevResult.dns });
});

for (const [title, options, code] of [
  ['an unknown network', { config: { network: 'red' } }, 7],
  ['an address that is none', { config: { runtimeConfig: { ips: ['x/24'] } } }, 7],
  ['a MAC address of a group', { config: { runtimeConfig: { mac: '01:00:00:00:00:01' } } }, 7],
  [
    'ports that are none',
    { config: { capabilities: { portMappings: true }, runtimeConfig: { portMappings: [{ hostPort: 1 }] } } },
    7,
  ],
  [
    'a rate that is too low to be meant',
    { config: { capabilities: { bandwidth: true }, runtimeConfig: { bandwidth: { ingressRate: 1 } } } },
    7,
  ],
  ['an IPAM plugin that says nonsense', { delegated: { ips: 'x' } }, 7],
  ['a route to no prefix', { delegated: { routes: [{ dst: '10.0.0.1/8' }] } }, 7],
  ['a version that is not spoken', { config: { cniVersion: '3.0.0' } }, 1],
] as const) {
  test(`ADD is refused: ${title}: error ${code}`, async t => {
    const { call, requests } = rig();
    const { ok, body } = await call('ADD', options);
    t.false(ok);
    t.like(body, { code }, JSON.stringify(body));
    t.deepEqual(requests, []);
  });
}

for (const [failure, code] of [
  [new WeftError('conflict', 'taken'), 100],
  [new WeftError('unavailable', 'no room'), 11],
  [new WeftError('system', 'no memory', { hint: 'buy some' }), 5],
  [new TypeError('a defect'), 5],
] as const) {
  test(`ADD that fails with ${failure.name} ${failure.message} is error ${code}`, async t => {
    const { call, lines } = rig({ failure });
    const { ok, body } = await call('ADD');
    t.false(ok);
    t.is(body.code, code);
    t.is(
      lines.some(({ msg }) => msg === 'a CNI call met a defect'),
      failure instanceof TypeError,
    );
  });
}

test('ADD asks for the rates of the runtime, else for those of the configuration; a DEL does not look at them', async t => {
  const { call, requests } = rig();
  const config = {
    egressRate: 2_000_000,
    egressBurst: 800_000,
    capabilities: { bandwidth: true },
    runtimeConfig: { bandwidth: { ingressRate: 1_000_000, ingressBurst: 2_147_483_647 } },
  };
  await call('ADD', { config });
  t.deepEqual(requests[0]?.bandwidth, { ingress: { rate: 1_000_000, burst: 2_147_483_647 } });
  await call('ADD', { config: { ...config, runtimeConfig: {} }, env: { CNI_IFNAME: 'net1' } });
  t.deepEqual(requests[1]?.bandwidth, { egress: { rate: 2_000_000, burst: 800_000 } });
  await call('ADD', { env: { CNI_IFNAME: 'net2' } });
  t.is(requests[2]?.bandwidth, undefined);
  t.true((await call('DEL', { config: { ...config, egressRate: -1, runtimeConfig: {} } })).ok);
});

test('ADD that takes too long is given up, and what comes of it later is taken back', async t => {
  const { call, clock, endpoints } = rig({ attachMs: 25_000 });
  const answer = call('ADD');
  clock.advance(20_000);
  t.is((await answer).body.code, 11);
  clock.advance(5000);
  await new Promise(resolve => setImmediate(resolve));
  t.deepEqual(endpoints(), []);
});

test('DEL takes away the one interface of the one container, and succeeds again and without a namespace', async t => {
  const { call, endpoints } = rig();
  await call('ADD');
  await call('ADD', { env: { CNI_IFNAME: 'net1' } });
  await call('ADD', { env: { CNI_CONTAINERID: 'c2' } });
  await call('ADD', { config: { name: 'other', network: 'blue' }, env: { CNI_IFNAME: 'net2' } });
  for (let round = 0; round < 2; round++)
    t.deepEqual(await call('DEL', { env: { CNI_NETNS: '' } }), { ok: true, body: undefined });
  t.deepEqual(
    endpoints().map(({ ifname, container }) => `${container?.network} ${container?.id} ${ifname}`),
    ['blue c1 net1', 'blue c2 eth0', 'other c1 net2'],
  );
  t.true((await call('DEL', { config: { network: 'red' } })).ok, 'also of a network that is no more');
});

test('GC takes away what the runtime does not name, of its own network alone', async t => {
  const { call, endpoints } = rig();
  await call('ADD');
  await call('ADD', { env: { CNI_CONTAINERID: 'c2' } });
  await call('ADD', { config: { name: 'other', network: 'blue' }, env: { CNI_IFNAME: 'net2' } });
  const valid = { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] };
  t.true((await call('GC', { config: { cniVersion: '1.1.0', ...valid } })).ok);
  const left = () => endpoints().map(({ container }) => `${container?.network} ${container?.id}`);
  t.deepEqual(left(), ['blue c2', 'other c1']);
  // Absent is none (cnitool 1.2.3).
  t.true((await call('GC', { config: { cniVersion: '1.1.0' } })).ok);
  t.deepEqual(left(), ['other c1']);
});

test('STATUS tells whether a network can be used; verbs of later versions are refused', async t => {
  const { call } = rig();
  t.deepEqual(await call('STATUS', { config: { cniVersion: '1.1.0' } }), { ok: true, body: undefined });
  t.is((await call('STATUS', { config: { cniVersion: '1.1.0', network: 'red' } })).body.code, 50);
  t.is((await call('STATUS')).body.code, 1);
  t.is((await call('GC')).body.code, 1);
  t.is((await call('CHECK', { config: { cniVersion: '0.3.1' } })).body.code, 1);
});

test('CHECK finds what is not on record, or has other addresses than the runtime knows', async t => {
  const { call } = rig();
  const prevResult = { ips: [{ address: '198.18.0.77/24' }] };
  t.is((await call('CHECK', { config: { prevResult } })).body.code, 3);
  await call('ADD');
  t.is((await call('CHECK')).body.code, 7);
  t.is((await call('CHECK', { config: { prevResult: { ips: [] } } })).body.code, 101);
});

test('VERSION tells what is spoken', async t => {
  const { body } = await rig().call('VERSION', { config: { cniVersion: '0.4.0' } });
  t.deepEqual(body, {
    cniVersion: '0.4.0',
    supportedVersions: ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
  });
});
