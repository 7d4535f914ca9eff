import { execFileSync, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import test from 'ava';
import { WeftError } from './errors.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import { processState } from './native/testing/process-state.ts';
import { closeTap, openTap, probeSuperFrames } from './tap-device.ts';

interface LinkInfo {
  readonly mtu: number;
  readonly linkinfo: {
    readonly info_kind: string;
    readonly info_data: { readonly type: string; readonly vnet_hdr: boolean; readonly persist: boolean };
  };
}

function link(namespace: string, name: string): LinkInfo | undefined {
  const answer = spawnSync('ip', ['-n', namespace, '-d', '-j', 'link', 'show', 'dev', name], {
    encoding: 'utf8',
  });
  return answer.status === 0 ? (JSON.parse(answer.stdout) as LinkInfo[])[0] : undefined;
}

test('openTap makes a TAP with vnet header and MTU in another namespace and comes back', t => {
  const { name, path } = makeNamespace(t);
  const home = readlinkSync('/proc/thread-self/ns/net');
  const device = openTap({ name: 'wf0', netnsPath: path, persist: false, mtu: 1450 });
  t.is(readlinkSync('/proc/thread-self/ns/net'), home);
  const made = link(name, 'wf0');
  t.is(made?.mtu, 1450);
  t.is(made?.linkinfo.info_kind, 'tun');
  t.like(made?.linkinfo.info_data, { type: 'tap', vnet_hdr: true, persist: false });
  t.throws(() => ip('link', 'show', 'dev', 'wf0'), undefined, 'not in our own namespace');
  closeTap(device);
  t.is(link(name, 'wf0'), undefined, 'it went with its descriptor');
});

/** The features of a device as ethtool(8) names them. */
function features(namespace: string, device: string): Record<string, string> {
  const lines = execFileSync('ip', ['netns', 'exec', namespace, 'ethtool', '-k', device], {
    encoding: 'utf8',
  });
  // "off [requested on]" is off: the reader has not asked for it yet.
  return Object.fromEntries(lines.split('\n').map(line => line.trim().split(/: | \[/) as [string, string]));
}

const OFFLOADED = {
  'tx-checksum-ip-generic': 'on',
  'tx-tcp-segmentation': 'on',
  'tx-tcp-ecn-segmentation': 'on',
  'tx-tcp6-segmentation': 'on',
};

test('openTap takes over checksums and segmentation, and says what was granted', t => {
  const { name, path } = makeNamespace(t);
  const device = openTap({ name: 'wf0', netnsPath: path, persist: false });
  t.teardown(() => closeTap(device));
  t.like(features(name, 'wf0'), {
    ...OFFLOADED,
    'tx-udp-segmentation': device.superFrames.uso ? 'on' : 'off',
  });
  t.true(device.superFrames.tso);
});

test('openTap negotiates the offloads of a device it takes over', t => {
  const { name, path } = makeNamespace(t);
  ip('-n', name, 'tuntap', 'add', 'dev', 'wf0', 'mode', 'tap', 'vnet_hdr');
  t.like(features(name, 'wf0'), { 'tx-tcp-segmentation': 'off', 'tx-udp-segmentation': 'off' });
  const first = openTap({ name: 'wf0', netnsPath: path, persist: true });
  closeTap(first);
  const second = openTap({ name: 'wf0', netnsPath: path, persist: true });
  t.teardown(() => closeTap(second));
  t.like(features(name, 'wf0'), OFFLOADED);
  t.deepEqual(second.superFrames, first.superFrames);
});

for (const superFrames of [
  { tso: true, uso: false },
  { tso: false, uso: true },
  { tso: false, uso: false },
]) {
  test(`openTap asks for no more than it was told, also of a device that had more: ${JSON.stringify(superFrames)}`, t => {
    const { name, path } = makeNamespace(t);
    const first = openTap({ name: 'wf0', netnsPath: path, persist: true });
    t.true(first.superFrames.tso && first.superFrames.uso);
    closeTap(first);
    const second = openTap({ name: 'wf0', netnsPath: path, persist: true, superFrames });
    t.teardown(() => closeTap(second));
    t.deepEqual(second.superFrames, superFrames);
    const onOff = (on: boolean) => (on ? 'on' : 'off');
    t.like(features(name, 'wf0'), {
      'tx-checksum-ip-generic': 'on',
      'tx-tcp-segmentation': onOff(superFrames.tso),
      'tx-tcp-ecn-segmentation': onOff(superFrames.tso),
      'tx-tcp6-segmentation': onOff(superFrames.tso),
      'tx-udp-segmentation': onOff(superFrames.uso),
    });
  });
}

test('probeSuperFrames tells what an open TAP gets, leaves nothing, and believes an injected refusal', t => {
  const { path } = makeNamespace(t);
  const device = openTap({ name: 'wf0', netnsPath: path, persist: false });
  t.teardown(() => closeTap(device));
  const before = processState();
  t.deepEqual(probeSuperFrames({ tso: 0, uso: 0 }), device.superFrames);
  t.deepEqual(probeSuperFrames({ tso: 22, uso: 0 }), { tso: false, uso: device.superFrames.uso });
  t.deepEqual(probeSuperFrames({ tso: 0, uso: 22 }), { tso: true, uso: false });
  // On one that was passed on; what is none is not believed to be.
  t.deepEqual(probeSuperFrames({ tso: 22, uso: 0 }, device.fd), {
    tso: false,
    uso: device.superFrames.uso,
  });
  t.deepEqual(probeSuperFrames({ tso: 0, uso: 0 }, 0), device.superFrames);
  t.deepEqual(processState(), before);
  t.notRegex(execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }), /weft-probe/);
});

test('openTap takes over a persistent device, and persist: false lets it go', t => {
  const { name, path } = makeNamespace(t);
  closeTap(openTap({ name: 'wf0', netnsPath: path, persist: true }));
  t.true(link(name, 'wf0')?.linkinfo.info_data.persist);
  closeTap(openTap({ name: 'wf0', netnsPath: path, persist: true }));
  t.true(link(name, 'wf0')?.linkinfo.info_data.persist);
  closeTap(openTap({ name: 'wf0', netnsPath: path, persist: false }));
  t.is(link(name, 'wf0'), undefined);
});

test('openTap takes over a device that somebody made without vnet header', t => {
  const { name, path } = makeNamespace(t);
  ip('-n', name, 'tuntap', 'add', 'dev', 'wf0', 'mode', 'tap');
  closeTap(openTap({ name: 'wf0', netnsPath: path, persist: true }));
  t.true(link(name, 'wf0')?.linkinfo.info_data.vnet_hdr);
});

test('openTap says which kind of conflict there is', t => {
  const { name, path } = makeNamespace(t);
  const device = openTap({ name: 'used', netnsPath: path, persist: false });
  t.teardown(() => closeTap(device));
  ip('-n', name, 'tuntap', 'add', 'dev', 'tun', 'mode', 'tun');
  ip('-n', name, 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1');
  const refused = (device: string) =>
    t.throws(() => openTap({ name: device, netnsPath: path, persist: true }), { instanceOf: WeftError });
  t.like(refused('used'), {
    code: 'conflict',
    message: 'TAP used is in use by another process: resource busy or locked (EBUSY)',
  });
  for (const device of ['tun', 'veth0', 'lo']) {
    t.like(refused(device), { code: 'conflict' });
  }
  t.regex(refused('veth0')?.message ?? '', /interface veth0 exists and is not a TAP/);
});

test('openTap refuses names that Linux would refuse or expand', t => {
  for (const name of ['', '.', '..', 'a/b', 'a b', 'a:b', 'wf%d', 'sixteen-bytes-xx', 'ä', 'a\0b']) {
    t.like(
      t.throws(() => openTap({ name, persist: false })),
      { code: 'invalid_argument' },
      name,
    );
  }
});

test('openTap tells a missing namespace from one that is none', t => {
  const { path } = makeNamespace(t);
  const refused = (netnsPath: string) => t.throws(() => openTap({ name: 'wf0', netnsPath, persist: false }));
  t.like(refused(`${path}-not`), { code: 'not_found' });
  t.like(refused('/etc/passwd'), { code: 'invalid_argument' });
  t.like(refused('/proc/self/ns/uts'), { code: 'invalid_argument' });
});

test('openTap refuses an MTU out of range and leaves neither device nor descriptor', t => {
  const { name, path } = makeNamespace(t);
  const before = processState();
  for (const mtu of [67, 65_522]) {
    t.like(
      t.throws(() => openTap({ name: 'wf0', netnsPath: path, persist: true, mtu })),
      { code: 'invalid_argument' },
    );
  }
  t.is(link(name, 'wf0'), undefined);
  t.deepEqual(processState(), before);
});

/** Opens a TAP in a process with changed surroundings and returns the error's code and line. */
function openElsewhere(command: string, ...words: readonly string[]): { code?: string; line?: string } {
  const script = `
    import { closeTap, openTap } from ${JSON.stringify(new URL('tap-device.js', import.meta.url).href)};
    try {
      openTap({ name: 'wf0', persist: false });
      console.log('{}');
    } catch (error) {
      console.log(JSON.stringify({ code: error.code, line: error.line }));
    }`;
  const answer = spawnSync(command, [...words, process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  return JSON.parse(answer.stdout || '{}') as { code?: string; line?: string };
}

test('openTap without rights says so', t => {
  const answer = openElsewhere('setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--');
  t.is(answer.code, 'not_permitted');
  t.regex(answer.line ?? '', /run as root or with CAP_NET_ADMIN/);
});

test('openTap without /dev/net/tun says what to do', t => {
  const hide = 'mount -t tmpfs none /dev/net && exec "$@"';
  const answer = openElsewhere('unshare', '--mount', '--', 'sh', '-c', hide, 'sh');
  t.is(answer.code, 'unavailable');
  t.regex(answer.line ?? '', /modprobe tun/);
});
