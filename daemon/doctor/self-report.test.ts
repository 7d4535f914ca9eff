import test from 'ava';
import { parseVni } from '../../dataplane/address.ts';
import type { NetworkConfig } from '../config/config.ts';
import { parseConfig } from '../config/load.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { type SelfReport, selfReport } from './self-report.ts';

/** What the configuration makes of it. */
function network(text: Readonly<Record<string, unknown>>): NetworkConfig {
  const whole = JSON.stringify({ networks: [{ name: 'blue', vni: 42, ...text }] });
  const [config] = parseConfig(whole, 'weft.yaml').networks;
  if (config === undefined) throw new Error('no network');
  return config;
}

function endpoint(changes: Partial<Endpoint> = {}): Endpoint {
  return {
    network: 'blue',
    vni: parseVni(42),
    attach: 'bridge',
    netns: { name: 'c1', path: '/run/netns/c1', inode: 1 },
    ifname: 'eth0',
    mac: '02:00:5e:10:00:02',
    addresses: ['198.18.0.2/24'],
    mtu: 1450,
    hostLink: 'wv000000000001',
    pending: false,
    ...changes,
  };
}

function report(
  config: NetworkConfig,
  endpoints: readonly Endpoint[] = [],
  isSuspended: (endpoint: Endpoint) => boolean = () => false,
): SelfReport {
  return selfReport({
    name: 'vm-a',
    underlay: '192.0.2.1',
    vxlanPort: 4789,
    gossipPort: 7946,
    state: '/var/lib/weft',
    networks: () => [{ name: 'blue', mtu: 1450, config }],
    endpoints: { all: () => endpoints, isSuspended },
  });
}

function linksOf(...args: Parameters<typeof report>) {
  return report(...args).links.map(({ ifname, kind, master, addresses }) => [
    ifname,
    kind,
    master,
    addresses.length,
  ]);
}

const SUBNETS = { subnet: '198.18.0.0/24', subnet6: '2001:db8:18::/64' };

test('each mode has the devices that it makes, with the addresses of the gateway where the VM is one', t => {
  const bridge = ['wf-blue', 'bridge', null, 0];
  const tap = ['wt-blue', 'tap', 'wf-blue', 0];
  t.deepEqual(linksOf(network({})), [bridge, tap]);
  t.deepEqual(linksOf(network({ attach: 'tap' })), []);
  // Both, and the link-local address of IPv6.
  t.deepEqual(linksOf(network({ ...SUBNETS, gateway: true })), [['wf-blue', 'bridge', null, 3], tap]);
  t.deepEqual(linksOf(network({ ...SUBNETS, gateway: true, attach: 'tap' })), [['wt-blue', 'tap', null, 3]]);
  t.deepEqual(linksOf(network({ mode: 'bridge', subnet: '198.18.0.0/24' })), [
    ['wf-blue', 'bridge', null, 1],
  ]);
  t.deepEqual(linksOf(network({ mode: 'macvlan', parent: 'eth1' })), []);
  t.deepEqual(linksOf(network({ mode: 'host' })), []);
});

test('a gateway has one MAC on all VMs, a bridge without one has its own', t => {
  const macs = (config: NetworkConfig) => report(config).links.map(({ mac }) => mac);
  const [own, tap] = macs(network({}));
  const [shared, sameTap] = macs(network({ ...SUBNETS, gateway: true }));
  t.not(own, shared);
  t.is(tap, sameTap);
  t.is(macs(network({ ...SUBNETS, gateway: true, attach: 'tap' }))[0], shared);
});

test('containers: a link on the host where there is one, and an interface inside where it is theirs', t => {
  const inside = ['eth0', 'container', null, 0];
  const macvlan = network({ mode: 'macvlan', parent: 'eth1' });
  t.deepEqual(linksOf(macvlan, [endpoint({ attach: 'macvlan', mode: 'macvlan' })]), [inside]);
  t.deepEqual(linksOf(network({ attach: 'tap' }), [endpoint({ attach: 'tap' })]), [inside]);
  t.deepEqual(linksOf(network({ mode: 'host' }), [endpoint({ attach: 'host', mode: 'host' })]), []);
  t.deepEqual(linksOf(macvlan, [endpoint({ pending: true })]), []);
  const local = network({ mode: 'bridge', subnet: '198.18.0.0/24' });
  t.deepEqual(linksOf(local, [endpoint({ mode: 'bridge' })]), [
    ['wf-blue', 'bridge', null, 1],
    ['wv000000000001', 'veth', 'wf-blue', 0],
    inside,
  ]);
});

test('the link of a container that is suspended is down on purpose: it is not told, but counted', t => {
  const one = endpoint();
  const other = endpoint({ hostLink: 'wv000000000002' });
  const { links, networks } = report(network({}), [one, other], candidate => candidate === other);
  t.deepEqual(
    links.filter(({ kind }) => kind === 'veth').map(({ ifname }) => ifname),
    ['wv000000000001'],
  );
  t.deepEqual(networks, [{ name: 'blue', vni: parseVni(42), mtu: 1450, mode: 'overlay', suspended: 1 }]);
});
