import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { tempDirectory } from '../testing/temp-directory.ts';
import { Forwarding, type NetSettings } from './forwarding.ts';

/** Of a VM with eth0 and eth1, that forwards nothing. */
function machine(changes: Readonly<Record<string, string>> = {}) {
  const values = new Map(
    Object.entries({
      'ipv4/ip_forward': '0',
      'ipv4/conf/eth0/forwarding': '0',
      'ipv4/conf/eth1/forwarding': '1',
      'ipv4/conf/wf-blue/forwarding': '0',
      'ipv6/conf/all/forwarding': '0',
      'ipv6/conf/all/force_forwarding': '0',
      'ipv6/conf/eth0/force_forwarding': '0',
      'ipv6/conf/wf-blue/force_forwarding': '0',
      'ipv6/conf/eth0/accept_ra': '1',
      ...changes,
    }),
  );
  const settings: NetSettings = {
    read: async path => values.get(path),
    write: async (path, value) => {
      if (values.has(path)) values.set(path, value);
    },
    devices: family => (family === 'ipv4' ? ['eth0', 'eth1', 'wf-blue'] : ['eth0', 'wf-blue']),
  };
  return { values, settings };
}

const OURS = { v4: ['wf-blue'], v6: ['wf-blue'] };
const NONE = { v4: [], v6: [] };

async function forwardingOf(t: ExecutionContext, settings: NetSettings) {
  const stateDirectory = await tempDirectory(t);
  const make = () => new Forwarding({ settings }, { stateDirectory });
  return { make, file: join(stateDirectory, 'forwarding.json') };
}

test('what is ours forwards, and what was opened for it is put back, also by the next life', async t => {
  const { values, settings } = machine();
  const before = new Map(values);
  const { make, file } = await forwardingOf(t, settings);
  t.deepEqual(await make().enable(OURS), { v4: ['eth0'], v6: ['eth0'] });
  t.is(values.get('ipv4/conf/wf-blue/forwarding'), '1');
  t.is(values.get('ipv6/conf/wf-blue/force_forwarding'), '1');
  t.is(values.get('ipv4/ip_forward'), '0');
  t.is(values.get('ipv6/conf/all/forwarding'), '0');
  // A life that was killed: the next one knows what is its own.
  const next = make();
  t.deepEqual(await next.enable(OURS), { v4: ['eth0'], v6: ['eth0'] });
  t.deepEqual(await next.enable(NONE), NONE);
  for (const name of [
    'ipv4/conf/eth0/forwarding',
    'ipv4/conf/eth1/forwarding',
    'ipv6/conf/eth0/force_forwarding',
  ])
    t.is(values.get(name), before.get(name), name);
  t.false(existsSync(file));
});

test('a VM that forwards is left as it is', async t => {
  const { values, settings } = machine({ 'ipv4/ip_forward': '1', 'ipv6/conf/all/forwarding': '1' });
  const { make, file } = await forwardingOf(t, settings);
  t.deepEqual(await make().enable(OURS), NONE);
  t.is(values.get('ipv4/conf/eth0/forwarding'), '0');
  t.false(existsSync(file));
});

test('when somebody has all of them forward, we let go of what we opened', async t => {
  const { values, settings } = machine();
  const { make } = await forwardingOf(t, settings);
  const forwarding = make();
  await forwarding.enable(OURS);
  // As dockerd does: the switch for all sets each.
  values.set('ipv4/ip_forward', '1').set('ipv4/conf/eth0/forwarding', '1');
  t.deepEqual(await forwarding.enable(OURS), { v4: [], v6: ['eth0'] });
  await forwarding.enable(NONE);
  t.is(values.get('ipv4/conf/eth0/forwarding'), '1');
});

test('before Linux 6.17 IPv6 has one switch, and routes from advertisements are kept', async t => {
  const { values, settings } = machine();
  for (const path of values.keys()) if (path.endsWith('force_forwarding')) values.delete(path);
  const { make } = await forwardingOf(t, settings);
  const forwarding = make();
  for (let again = 0; again < 2; again++) {
    t.deepEqual(await forwarding.enable({ v4: [], v6: ['wf-blue'] }), { v4: [], v6: ['eth0'] });
    t.is(values.get('ipv6/conf/all/forwarding'), '1');
    t.is(values.get('ipv6/conf/eth0/accept_ra'), '2');
  }
  await make().enable(NONE);
  t.is(values.get('ipv6/conf/all/forwarding'), '0');
  t.is(values.get('ipv6/conf/eth0/accept_ra'), '1');
});

test('a file that cannot be read is told of', async t => {
  const { settings } = machine();
  const { make, file } = await forwardingOf(t, settings);
  await writeFile(file, '{');
  await t.throwsAsync(make().enable(OURS), { code: 'system', message: /forwarding\.json is damaged/ });
});
