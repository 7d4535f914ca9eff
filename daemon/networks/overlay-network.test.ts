import test from 'ava';
import { parseIp, type VtepAddress } from '../../dataplane/address.ts';
import type { Commands, InstalledVtep } from '../../dataplane/commands.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseConfig } from '../config/load.ts';
import { OverlayNetwork, type OverlayNetworkOptions } from './overlay-network.ts';

const [CONFIG] = parseConfig('networks: [{ name: blue, vni: 42 }]', 'weft.yaml').networks;
const ONE = vtep('192.0.2.1');
const TWO = vtep('192.0.2.2');

function vtep(address: string): InstalledVtep {
  return { address: parseIp(address) as VtepAddress, port: 4789, tells: true, isMissing: false };
}

/** A network whose dataplane takes VTEPs, and refuses or loses them when told to. */
function rig() {
  const dataplane = { installed: [] as readonly InstalledVtep[], told: 0, fails: false };
  const run = (async (name: string, args: Commands['setVteps']): Promise<unknown> => {
    if (name === 'readVteps') return dataplane.installed;
    dataplane.told += 1;
    if (dataplane.fails) throw new WeftError('unavailable', 'a worker is gone');
    dataplane.installed = args.vteps.map(one => ({
      ...vtep(String(one.address)),
      ...one,
      tells: one.tells === true,
    }));
    return undefined;
  }) as Dataplane['run'];
  const options = { config: CONFIG, mtu: 1400, underlayFamily: 4 } as OverlayNetworkOptions;
  const network = new OverlayNetwork({ dataplane: { run, workerCount: 1 } }, options);
  return { dataplane, network };
}

test('only VTEPs that are new are told, and an audit finds nothing to mend', async t => {
  const { dataplane, network } = rig();
  await network.setGossipedVteps([ONE, TWO]);
  await network.setGossipedVteps([TWO, ONE]);
  t.is(dataplane.told, 1);
  t.is(await network.auditVteps(), 0);
  t.is(dataplane.told, 1);
});

for (const [what, damage, count] of [
  ['is gone', [ONE], 1],
  ['should not be there', [ONE, TWO, vtep('192.0.2.3')], 1],
  ['is on another port', [ONE, { ...TWO, port: 4790 }], 2],
  ['is not known to tell what it has', [ONE, { ...TWO, tells: false }], 2],
  ['one worker does not have', [ONE, { ...TWO, isMissing: true }], 1],
] as const) {
  test(`an audit mends a VTEP that ${what}`, async t => {
    const { dataplane, network } = rig();
    await network.setGossipedVteps([ONE, TWO]);
    dataplane.installed = damage;
    t.is(await network.auditVteps(), count);
    t.deepEqual(dataplane.installed, [ONE, TWO]);
    t.is(await network.auditVteps(), 0);
  });
}

test('a VTEP that two members name is one', async t => {
  const { dataplane, network } = rig();
  await network.setGossipedVteps([
    { ...ONE, tells: true },
    { ...ONE, port: 4790, tells: false },
  ]);
  dataplane.installed = [{ ...ONE, port: 4790, tells: true }];
  t.is(await network.auditVteps(), 0);
});

test('what the dataplane refused is told again by the next audit', async t => {
  const { dataplane, network } = rig();
  dataplane.fails = true;
  await t.throwsAsync(network.setGossipedVteps([ONE]), { message: /a worker is gone/ });
  dataplane.fails = false;
  t.is(await network.auditVteps(), 1);
  t.deepEqual(dataplane.installed, [ONE]);
});

test('what is told while it is read is no difference', async t => {
  const { dataplane, network } = rig();
  await network.setGossipedVteps([ONE]);
  const audit = network.auditVteps();
  const telling = network.setGossipedVteps([ONE, TWO]);
  t.is(await audit, 0);
  await telling;
  t.deepEqual(dataplane.installed, [ONE, TWO]);
});
