import test from 'ava';
import { parseIp, parseVni, type VtepAddress } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Config, NetworkConfig } from '../config/config.ts';
import { parseConfig } from '../config/load.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { NodeReload } from '../reload/apply-changes.ts';
import { type ConfigChange, diffConfig } from '../reload/diff-config.ts';
import { memoryLog } from '../testing/memory-log.ts';
import type { CarriedNetwork } from './carried-network.ts';
import { ConfiguredNetworks } from './configured-networks.ts';
import type { NetworkDefinition } from './definition.ts';
import { type NetworkReloadModules, nodeReload } from './network-reload.ts';

const UNDERLAY = parseIp('192.0.2.1');
const STATIC = parseIp('192.0.2.9') as VtepAddress;

function configOf(...networks: readonly object[]): Config {
  return parseConfig(JSON.stringify({ node: { name: 'vm-a' }, networks }), 'weft.yaml');
}

function networkOf(network: object): NetworkConfig {
  const [parsed] = configOf(network).networks;
  if (parsed === undefined) throw new Error('unreachable: there is one');
  return parsed;
}

const BLUE = networkOf({ name: 'blue', vni: 42, subnet: '198.18.0.0/24' });
const FASTER: NetworkConfig = { ...BLUE, bumRate: 9, staticVteps: [STATIC] };
const GREEN = networkOf({ name: 'green', vni: 43 });

const NEVER = { evenInUse: false };
const EVEN_IN_USE = { evenInUse: true };

interface RigOptions {
  /** Of the configuration, and carried. @default BLUE */
  readonly configured?: readonly NetworkConfig[];
  /** Carried beside them: what left the configuration, and what was made by command. */
  readonly carried?: readonly NetworkConfig[];
  /** Made by command. */
  readonly made?: readonly NetworkConfig[];
  /** Networks that have a container each. */
  readonly inUse?: readonly string[];
}

/** A node with fakes all around; what is done to them is a line each. */
function rig({ configured = [BLUE], carried = [], made = [], inUse = [] }: RigOptions = {}) {
  const { log, lines } = memoryLog();
  const steps: string[] = [];
  /** Steps that fail. */
  const failing = new Set<string>();
  let isExclusive = false;
  const step = (text: string): void => {
    if (!isExclusive) throw new Error(`${text} while somebody may attach`);
    steps.push(text);
    if (failing.has(text)) throw new WeftError('system', `cannot ${text}`);
  };
  const running = new Map<string, CarriedNetwork>();
  const carry = (config: NetworkConfig): void => {
    const network = {
      config,
      name: config.name,
      vni: config.vni,
      reconfigure: async (to: NetworkConfig) => {
        step(`reconfigure ${to.name} ${to.bumRate}`);
        network.config = to;
      },
    };
    running.set(config.name, network as unknown as CarriedNetwork);
  };
  for (const config of [...configured, ...carried]) carry(config);
  const networks = new ConfiguredNetworks(configured);
  const modules: NetworkReloadModules & Parameters<typeof nodeReload>[0] = {
    log,
    configured: networks,
    set: {
      all: () => [...running.values()],
      find: name => running.get(name),
      plan: config => {
        if (config.mtu === 9000) throw new WeftError('invalid_config', 'the MTU does not fit');
        return undefined as unknown as CarriedNetwork;
      },
    },
    carrier: {
      carryConfigured: async config => {
        step(`carry ${config.name}`);
        carry(config);
      },
      cease: async name => {
        // Which has failed when the network was left already, or before.
        if (!failing.has(`begin to cease ${name}`)) running.delete(name);
        else throw new WeftError('system', `cannot begin to cease ${name}`);
        step(`cease ${name}`);
      },
    },
    pool: {
      // Both are to see the configuration as it is then.
      addConfigured: ({ name }, owners) =>
        step(
          [`tell of ${name} ${networks.has(name)}`, ...(owners.length > 0 ? ['for', ...owners] : [])].join(
            ' ',
          ),
        ),
      removeConfigured: ({ name }) => step(`untell ${name} ${networks.has(name)}`),
      catalogue: {
        find: name => made.find(network => network.name === name) as unknown as NetworkDefinition | undefined,
      },
    },
    endpoints: {
      ofNetwork: name =>
        inUse.includes(name)
          ? [
              { netns: { name: 'c1' }, ifname: 'eth0', hostLink: 'wf1' } as Endpoint,
              {
                netns: { name: 'c2' },
                ifname: 'eth1',
                hostLink: 'wf2',
                container: { id: '4e1f' },
              } as Endpoint,
            ]
          : [],
      exclusively: async work => {
        isExclusive = true;
        return await work().finally(() => {
          isExclusive = false;
        });
      },
    },
    plugin: { leaseOwners: name => (inUse.includes(name) ? ['lease'] : []) },
    vtepsChanged: () => step('VTEPs'),
    gossip: { setJoin: join => steps.push(`join ${join.join(' ')}`) },
  };
  const reload = nodeReload(modules, { underlay: UNDERLAY });
  const carriedNow = () => [...running.values()].map(({ config }) => `${config.name} ${config.bumRate}`);
  const configuredNow = () => networks.all().map(({ name, bumRate }) => `${name} ${bumRate}`);
  const events = () => lines.map(({ event, network, reason }) => `${event} ${network}: ${reason}`);
  return { reload, steps, failing, carriedNow, configuredNow, events };
}

/** Asks whether the configuration may come to have these networks instead. */
function check(reload: NodeReload, from: readonly NetworkConfig[], to: readonly NetworkConfig[]): void {
  const [before, after] = [from, to].map(networks => ({ ...configOf(), networks }));
  if (before === undefined || after === undefined) throw new Error('unreachable');
  reload.check(after, diffConfig(before, after).changes);
}

const IN_THE_WAY =
  'remove that first: weft network rm; a node lets go of a network half a minute after its last container';

for (const [title, options, to] of [
  ['a network that is added', {}, [BLUE, GREEN]],
  ['a network that is removed, and has no containers', {}, []],
  ['a network that follows, and has containers', { inUse: ['blue'] }, [FASTER]],
  ['a network that takes the VNI of one that goes', {}, [{ ...GREEN, vni: BLUE.vni }]],
  [
    'one that left with containers, and comes back as it was',
    { carried: [GREEN], inUse: ['green'] },
    [BLUE, GREEN],
  ],
  [
    'one that comes back with other rules',
    { carried: [GREEN], inUse: ['green'] },
    [BLUE, { ...GREEN, bumRate: 9 }],
  ],
  ['one that was made and is not carried here', { made: [GREEN] }, [BLUE, GREEN]],
] as const) {
  test(`check: nothing is in the way of ${title}`, t => {
    const { reload, steps } = rig(options);
    t.notThrows(() => check(reload, [BLUE], to));
    t.deepEqual(steps, []);
  });
}

for (const [title, options, to, message, hint] of [
  [
    'a network that is removed and has containers',
    { inUse: ['blue'] },
    [],
    'network "blue" has containers on this node: c1 eth0, 4e1f eth1',
    'detach them first, or leave the network in the configuration',
  ],
  [
    'the name of one that was made by command',
    { carried: [{ ...GREEN, vni: parseVni(44) }], made: [{ ...GREEN, vni: parseVni(44) }] },
    [BLUE, GREEN],
    'network "green" (VNI 43): this node carries network "green" (VNI 44)',
    IN_THE_WAY,
  ],
  [
    'the VNI of one that was made by command',
    { carried: [{ ...GREEN, name: 'made' }], made: [{ ...GREEN, name: 'made' }] },
    [BLUE, GREEN],
    'network "green" (VNI 43): this node carries network "made" (VNI 43)',
    IN_THE_WAY,
  ],
  [
    'the name and the VNI of one that was made by command, though it is the same in all else',
    { carried: [GREEN], made: [GREEN] },
    [BLUE, GREEN],
    'network "green" (VNI 43): this node carries network "green" (VNI 43)',
    IN_THE_WAY,
  ],
  [
    'one that left with containers, and comes back as another',
    { carried: [GREEN], inUse: ['green'] },
    [BLUE, { ...GREEN, attach: 'tap' as const }],
    'network "green" (VNI 43): this node carries network "green" (VNI 43)',
    IN_THE_WAY,
  ],
  [
    'the VNI of one that left with containers',
    { carried: [GREEN], inUse: ['green'] },
    [BLUE, { ...GREEN, name: 'lime' }],
    'network "lime" (VNI 43): this node carries network "green" (VNI 43)',
    IN_THE_WAY,
  ],
  [
    'an MTU that does not fit the underlay',
    {},
    [BLUE, { ...GREEN, mtu: 9000 }],
    'the MTU does not fit',
    undefined,
  ],
  [
    'a VTEP that is the node itself',
    {},
    [BLUE, { ...GREEN, staticVteps: [UNDERLAY as VtepAddress] }],
    'networks[1].static_vteps[0]: "192.0.2.1" is this node itself',
    'correct it, or set node.underlay to the address that is meant',
  ],
  [
    'a VTEP of the other family, of a network that follows',
    {},
    [{ ...BLUE, staticVteps: [parseIp('2001:db8::9') as VtepAddress] }],
    'networks[0].static_vteps[0]: "2001:db8::9" is IPv6, but the underlay address 192.0.2.1 is IPv4',
    'correct it, or set node.underlay to the address that is meant',
  ],
] as const) {
  test(`check: refused is ${title}`, t => {
    const { reload, steps } = rig(options);
    const error = t.throws(() => check(reload, [BLUE], to), { instanceOf: WeftError, message });
    t.is(error?.hint, hint);
    t.deepEqual(steps, []);
  });
}

test('check: what is refused of one change is not let pass by others', t => {
  const { reload } = rig({ configured: [BLUE, GREEN], inUse: ['green'] });
  const others: readonly ConfigChange[] = [
    { kind: 'logLevel', from: 'info', to: 'debug' },
    { kind: 'network', from: BLUE, to: undefined },
    { kind: 'network', from: GREEN, to: undefined },
  ];
  t.throws(() => reload.check(configOf(), others), { message: /^network "green" has containers/ });
});

test('check: one that stands in the configuration does not come back', t => {
  const { reload } = rig();
  t.throws(() => check(reload, [], [BLUE]), { message: /this node carries network "blue" \(VNI 42\)$/ });
});

for (const [title, options, [from, to, how], steps, configured, carried] of [
  [
    'added',
    {},
    [undefined, GREEN, NEVER],
    ['carry green', 'tell of green true', 'VTEPs'],
    ['blue 1000', 'green 1000'],
    ['blue 1000', 'green 1000'],
  ],
  [
    'added while it is carried still',
    { carried: [GREEN], inUse: ['green'] },
    [undefined, { ...GREEN, bumRate: 9 }, NEVER],
    ['reconfigure green 9', 'tell of green true for wf1 wf2 lease', 'VTEPs'],
    ['blue 1000', 'green 9'],
    ['blue 1000', 'green 9'],
  ],
  [
    'changed',
    { inUse: ['blue'] },
    [BLUE, FASTER, NEVER],
    ['reconfigure blue 9', 'VTEPs'],
    ['blue 9'],
    ['blue 9'],
  ],
  ['removed', {}, [BLUE, undefined, NEVER], ['cease blue', 'untell blue false'], [], []],
  [
    'removed even in use, and carried on',
    { inUse: ['blue'] },
    [BLUE, undefined, EVEN_IN_USE],
    ['untell blue false'],
    [],
    ['blue 1000'],
  ],
  [
    'removed even in use, which it is not',
    {},
    [BLUE, undefined, EVEN_IN_USE],
    ['cease blue', 'untell blue false'],
    [],
    [],
  ],
] as const) {
  test(`change: a network is ${title}`, async t => {
    const { reload, ...node } = rig(options);
    await reload.changeNetwork(from, to, how);
    t.deepEqual(node.steps, steps);
    t.deepEqual(node.configuredNow(), configured);
    t.deepEqual(node.carriedNow(), carried);
    t.deepEqual(node.events(), []);
  });
}

test('change: one that got containers after the check is not removed', async t => {
  const { reload, ...node } = rig({ inUse: ['blue'] });
  await t.throwsAsync(reload.changeNetwork(BLUE, undefined, NEVER), {
    message: /has containers on this node/,
  });
  t.deepEqual(node.steps, []);
  t.deepEqual(node.configuredNow(), ['blue 1000']);
});

for (const [title, options, [from, to], failing, undone] of [
  ['changed', {}, [BLUE, FASTER], ['reconfigure blue 9'], ['reconfigure blue 1000']],
  ['added, for it is not carried', {}, [undefined, GREEN], ['carry green'], []],
  [
    'added, for the pool is not told',
    {},
    [undefined, GREEN],
    ['tell of green true'],
    ['untell green false', 'cease green'],
  ],
  [
    'added while it is carried still, for it does not follow',
    { carried: [GREEN] },
    [undefined, { ...GREEN, bumRate: 9 }],
    ['reconfigure green 9'],
    ['reconfigure green 1000'],
  ],
  [
    'added while it is carried still, for the pool is not told',
    { carried: [GREEN] },
    [undefined, { ...GREEN, bumRate: 9 }],
    ['tell of green true'],
    ['untell green false', 'reconfigure green 1000'],
  ],
  ['removed, for it is let go of in part', {}, [BLUE, undefined], ['cease blue'], ['carry blue']],
  ['removed, for it is not let go of', {}, [BLUE, undefined], ['begin to cease blue'], []],
] as const) {
  test(`change: nothing is left when a network cannot be ${title}`, async t => {
    const { reload, ...node } = rig(options);
    const carried = node.carriedNow();
    for (const step of failing) node.failing.add(step);
    await t.throwsAsync(reload.changeNetwork(from, to, NEVER), { message: `cannot ${failing[0]}` });
    const at = node.steps.indexOf(failing[0]);
    t.deepEqual(node.steps.slice(at + 1), undone);
    t.deepEqual(node.configuredNow(), ['blue 1000']);
    t.deepEqual(node.carriedNow().toSorted(), carried.toSorted());
    t.deepEqual(node.events(), []);
  });
}

for (const [title, options, [from, to], failing, network] of [
  ['changed back', {}, [BLUE, FASTER], ['reconfigure blue 9', 'reconfigure blue 1000'], 'blue'],
  ['let go of again', {}, [undefined, GREEN], ['tell of green true', 'cease green'], 'green'],
  [
    'changed back where it is carried still',
    { carried: [GREEN] },
    [undefined, { ...GREEN, bumRate: 9 }],
    ['tell of green true', 'reconfigure green 1000'],
    'green',
  ],
  ['carried on', {}, [BLUE, undefined], ['cease blue', 'carry blue'], 'blue'],
] as const) {
  test(`change: that a network cannot be ${title} is logged, and what was thrown first is thrown`, async t => {
    const { reload, ...node } = rig(options);
    for (const step of failing) node.failing.add(step);
    await t.throwsAsync(reload.changeNetwork(from, to, NEVER), { message: `cannot ${failing[0]}` });
    t.deepEqual(node.configuredNow(), ['blue 1000']);
    t.deepEqual(node.events(), [`network_not_undone ${network}: cannot ${failing[1]}`]);
  });
}

test('setJoin: gossip hears of the addresses as they are written', t => {
  const { reload, steps } = rig();
  reload.setJoin([
    { host: '192.0.2.2', port: 7946 },
    { host: '2001:db8::2', port: 7947 },
    { host: 'seed.example', port: 7946 },
  ]);
  t.deepEqual(steps, ['join 192.0.2.2:7946 [2001:db8::2]:7947 seed.example:7946']);
});
