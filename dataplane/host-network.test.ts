import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { WeftError } from './errors.ts';
import { activeFeatures, saysIpsec } from './host-network.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';

const MODULE = new URL('./host-network.js', import.meta.url).href;

/** What an expression of the module gives in a process of that namespace. */
function evaluate(namespace: string, expression: string): unknown {
  const script = `import * as host from ${JSON.stringify(MODULE)}; console.log(JSON.stringify(${expression}));`;
  const args = ['netns', 'exec', namespace, process.execPath, '--input-type=module', '--eval', script];
  return JSON.parse(execFileSync('ip', args, { encoding: 'utf8', cwd: fileURLToPath(new URL('.', MODULE)) }));
}

test('the features of a device are those that ethtool tells, by the names that it gives them', t => {
  const { name } = makeNamespace(t);
  ip('-n', name, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
  const needed = [
    'tx-udp_tnl-segmentation',
    'tx-udp_tnl-csum-segmentation',
    'generic-segmentation-offload',
    'tx-tcp-segmentation',
    'tx-tcp6-segmentation',
    'tx-scatter-gather',
    'tx-checksum-ip-generic',
  ];
  const told = () => {
    const args = ['netns', 'exec', name, 'ethtool', '--json', '-k', 'v0'];
    const [features] = JSON.parse(execFileSync('ip', args, { encoding: 'utf8' })) as Record<
      string,
      { active: boolean }
    >[];
    return needed.map(feature => features?.[feature]?.active);
  };
  const known = () => {
    const active = evaluate(name, `[...host.activeFeatures('v0')]`) as string[];
    return needed.map(feature => active.includes(feature));
  };
  t.deepEqual(known(), Array(needed.length).fill(true));
  t.deepEqual(known(), told());
  execFileSync('ip', ['netns', 'exec', name, 'ethtool', '-K', 'v0', 'gso', 'off', 'tso', 'off']);
  t.deepEqual(known(), [true, true, false, false, false, true, true]);
  t.deepEqual(known(), told());
});

test('a device that is not there has no features, and that is an error', t => {
  const error = t.throws(() => activeFeatures('no-such-link'), { instanceOf: WeftError });
  t.regex(error?.message ?? '', /^cannot ask for the offloads of no-such-link: no such device \(ENODEV\)$/);
});

test('IPsec: policies for what is sent count, others do not', t => {
  const { name } = makeNamespace(t);
  const has = () => evaluate(name, 'host.hasOutgoingIpsec()');
  const policy = (action: string, dir: string, ...more: readonly string[]) =>
    ip(
      '-n',
      name,
      'xfrm',
      'policy',
      action,
      'dir',
      dir,
      'src',
      '198.51.100.0/24',
      'dst',
      '198.51.100.0/24',
      ...more,
    );
  t.false(has());
  for (const dir of ['in', 'fwd']) policy('add', dir, 'tmpl', 'proto', 'esp', 'mode', 'transport');
  t.false(has());
  policy('add', 'out', 'tmpl', 'proto', 'esp', 'mode', 'transport');
  t.true(has());
  policy('delete', 'out');
  t.false(has());
});

test('IPsec: a kernel without it has no policy, and any other refusal is not taken for none', t => {
  const { EPROTONOSUPPORT, EPERM, EAGAIN } = constants.errno;
  t.deepEqual([0, 1, 7, -EPROTONOSUPPORT].map(saysIpsec), [false, true, true, false]);
  for (const errno of [EPERM, EAGAIN]) t.throws(() => saysIpsec(-errno), { instanceOf: WeftError });
});
