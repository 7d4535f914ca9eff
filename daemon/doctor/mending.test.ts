import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { FAKE_SELF } from '../testing/fake-doctor.ts';
import { FakeHost } from '../testing/fake-host.ts';
import { FakeNode } from '../testing/fake-node.ts';
import { examine } from './mending.ts';

const NIC = {
  ifname: 'eth0',
  mtu: 1500,
  flags: ['UP'],
  addr_info: [{ family: 'inet', local: '192.0.2.1' }],
};
const LINKS = FAKE_SELF.links.map(({ ifname, mtu, mac, master }) => ({
  ifname,
  mtu,
  flags: ['UP'],
  address: mac,
  ...(master !== null && { master }),
  addr_info: [],
}));

/** A host with these links, where nothing else is wrong. */
function hostWith(links: readonly object[]): FakeHost {
  const host = new FakeHost();
  host.outputs['ip -json -details address show'] = JSON.stringify(links);
  host.outputs['nft -j list ruleset'] = '{"nftables": []}';
  host.outputs['ss -HunlpmO'] = '';
  host.outputs['ss -HtnlpO'] = '';
  return host;
}

const options = { peer: undefined, configPath: '/nowhere/weft.yaml', allowed: undefined };

test('a healthy host is found healthy, and nothing is run', async t => {
  const host = hostWith([NIC, ...LINKS]);
  const report = await examine({ host, operations: new FakeNode() }, { ...options, allowed: 'all' });
  t.deepEqual(report, {
    node: 'vm-a',
    healthy: true,
    findings: [],
    mended: [],
    failed: [],
    not_checked: [
      'checksums of what is sent to vm-b: this process cannot send raw packets (Operation not permitted)',
    ],
    paths: [{ peer: 'vm-b', address: '192.0.2.2', there: 1500, back: 1500, needed: 1500, clock_ms: 0 }],
  });
  t.deepEqual(host.mended, []);
});

test('what may be mended is mended, and looked at again', async t => {
  const broken = [{ ...NIC, mtu: 1400 }, ...LINKS.map(link => ({ ...link, flags: [] }))];
  const set = (host: FakeHost) => {
    host.onMend = command => {
      if (command.includes('mtu')) return 'RTNETLINK answers: Invalid argument';
      host.outputs['ip -json -details address show'] = JSON.stringify([broken[0], ...LINKS]);
      return undefined;
    };
    return host;
  };
  const modules = { operations: new FakeNode() };
  const none = set(hostWith(broken));
  const looked = await examine({ ...modules, host: none }, options);
  t.deepEqual(none.mended, []);
  t.deepEqual(
    looked.findings.map(({ verdict }) => verdict),
    ['underlay-mtu', 'link-down', 'link-down'],
  );

  const safe = set(hostWith(broken));
  const report = await examine({ ...modules, host: safe }, { ...options, allowed: 'safe' });
  t.deepEqual(safe.mended, ['ip link set dev wf-blue up', 'ip link set dev wt-blue up']);
  t.deepEqual(
    report.mended.map(({ subject }) => subject),
    ['wf-blue', 'wt-blue'],
  );
  t.false(report.healthy);

  const all = set(hostWith(broken));
  const { failed, findings } = await examine({ ...modules, host: all }, { ...options, allowed: 'all' });
  t.deepEqual(failed, [
    { command: 'ip link set dev eth0 mtu 1500', reason: 'RTNETLINK answers: Invalid argument' },
  ]);
  t.is(all.mended.length, 3, 'a command that failed is not run again');
  t.deepEqual(
    findings.map(({ verdict }) => verdict),
    ['underlay-mtu'],
  );
});

test('what cannot be found out is said', async t => {
  const report = await examine({ host: new FakeHost(), operations: new FakeNode() }, options);
  t.deepEqual(report.not_checked, [
    'links: ip (iproute2) tells nothing',
    'ports and queues: ss (iproute2) tells nothing',
    'packet filters: neither nft nor iptables-nft-save tells anything',
    'checksums of what is sent to vm-b: this process cannot send raw packets (Operation not permitted)',
  ]);
});

class SilentNode extends FakeNode {
  private readonly error: WeftError;

  constructor(code: 'unavailable' | 'not_permitted') {
    super();
    this.error = new WeftError(code, 'no weft daemon answers');
  }

  override self(): Promise<never> {
    return Promise.reject(this.error);
  }
}

test('without its daemon the host is examined all the same, but not without root', async t => {
  const host = hostWith([NIC]);
  const report = await examine({ host, operations: new SilentNode('unavailable') }, options);
  t.is(report.node, null);
  t.deepEqual(
    report.findings.map(({ verdict }) => verdict),
    ['daemon-down'],
  );
  await t.throwsAsync(examine({ host, operations: new SilentNode('not_permitted') }, options), {
    message: 'no weft daemon answers',
  });
});
