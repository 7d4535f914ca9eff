import test from 'ava';
import type { PlacedClaim } from '../../control/records/claim.ts';
import { type IpAddress, type MacAddress, parseIp, parseMac, parseVni } from '../../dataplane/address.ts';
import type { Claim, ClaimReport } from '../../dataplane/claims.ts';
import type { Answers, Commands } from '../../dataplane/commands.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { ClaimReconciler } from './reconciler.ts';

const BLUE = parseVni(42);
const MAC = parseMac('02:00:00:00:00:01');
const OTHER = parseMac('02:00:00:00:00:02');
const IP = parseIp('198.18.0.1');
const VTEP = { address: parseIp('192.0.2.2'), port: 4789 };

/** What nodes say, to be changed by a test. */
class Claimed {
  readonly byMac = new Map<MacAddress, PlacedClaim>();
  readonly byIp = new Map<IpAddress, PlacedClaim>();

  set(mac: MacAddress, changes: Partial<PlacedClaim> = {}): void {
    const claim: PlacedClaim = {
      vni: BLUE,
      mac,
      origin: 'b',
      deleted: false,
      since: 0,
      vtep: VTEP,
      ips: [],
      interface: 'eth0',
      containerId: 'c',
      mobility: 0,
      sticky: false,
      frozen: false,
      ...changes,
    };
    this.byMac.set(mac, claim);
    for (const ip of claim.ips) this.byIp.set(ip, claim);
  }

  owner(_vni: number, mac: MacAddress): PlacedClaim | undefined {
    return this.byMac.get(mac);
  }

  owners(): Iterable<PlacedClaim> {
    return this.byMac.values();
  }

  ownerOfIp(_vni: number, ip: IpAddress): PlacedClaim | undefined {
    return this.byIp.get(ip);
  }
}

/** A dataplane that has claims, and forgets or invents some when told to. */
class FakeDataplane {
  readonly installed = new Map<MacAddress, ClaimReport>();
  readonly commands: string[] = [];
  fails = false;

  readonly run = (async (
    name: 'changeClaims' | 'readClaims',
    args: Commands['changeClaims'],
  ): Promise<unknown> => {
    this.commands.push(name);
    if (this.fails) throw new WeftError('unavailable', 'the dataplane is closed');
    if (name === 'readClaims')
      return [...this.installed.values()].map(claim => ({
        ...claim,
        vni: BLUE,
      })) satisfies Answers['readClaims'];
    for (const mac of args.remove) this.installed.delete(mac);
    for (const claim of args.set) this.installed.set(claim.mac, { ...claim, state: 'used' });
    return undefined;
  }) as Dataplane['run'];
}

async function makeReconciler() {
  const clock = new ManualClock();
  const claims = new Claimed();
  const dataplane = new FakeDataplane();
  const { log, lines } = memoryLog();
  const told: MacAddress[] = [];
  const reconciler = new ClaimReconciler(
    { clock, log, claims, dataplane },
    { self: 'a', vnis: () => [BLUE], onInstalled: ({ mac }) => told.push(mac) },
  );
  return { clock, claims, dataplane, lines, reconciler, told };
}

const claimOf = (mac: MacAddress, changes: Partial<Claim> = {}): ClaimReport => ({
  mac,
  vtep: VTEP.address,
  addresses: [],
  mobility: 0,
  state: 'used',
  ...changes,
});

test('what was claimed before the start is there when it has started', async t => {
  const { claims, dataplane, reconciler, told } = await makeReconciler();
  claims.set(MAC, { ips: [IP], mobility: 3 });
  claims.set(OTHER, { origin: 'a' });
  await reconciler.start();
  t.deepEqual([...dataplane.installed.values()], [claimOf(MAC, { addresses: [IP], mobility: 3 })]);
  t.deepEqual(told, [MAC]);
  await reconciler.stop();
});

test('changes of one moment are one command', async t => {
  const { claims, dataplane, reconciler } = await makeReconciler();
  await reconciler.start();
  dataplane.commands.length = 0;
  claims.set(MAC);
  claims.set(OTHER);
  reconciler.changed(BLUE, MAC);
  reconciler.changed(BLUE, OTHER);
  await reconciler.flush();
  t.deepEqual(dataplane.commands, ['changeClaims']);
  t.is(dataplane.installed.size, 2);
  claims.byMac.delete(MAC);
  claims.set(OTHER, { origin: 'a' });
  reconciler.changed(BLUE, MAC);
  reconciler.changed(BLUE, OTHER);
  await reconciler.flush();
  t.is(dataplane.installed.size, 0);
  await reconciler.stop();
});

test('an IP address goes to its owner only, and a group address to nobody', async t => {
  const { claims, dataplane, reconciler } = await makeReconciler();
  const group = parseMac('01:00:5e:00:00:01');
  claims.set(MAC, { ips: [IP] });
  claims.set(OTHER, { ips: [IP] });
  claims.set(group);
  await reconciler.start();
  t.deepEqual(dataplane.installed.get(MAC)?.addresses, []);
  t.deepEqual(dataplane.installed.get(OTHER)?.addresses, [IP]);
  t.false(dataplane.installed.has(group));
  t.is(await reconciler.audit(), 0);
  await reconciler.stop();
});

test('an audit mends what is missing, stale or different, and counts it', async t => {
  const { claims, dataplane, lines, reconciler } = await makeReconciler();
  const macs = [1, 2, 3, 4].map(last => parseMac(`02:00:00:00:01:0${last}`));
  const [gone, moved, missing, fine] = macs as [MacAddress, MacAddress, MacAddress, MacAddress];
  for (const mac of macs) claims.set(mac);
  await reconciler.start();
  t.is(await reconciler.audit(), 0);
  dataplane.installed.delete(gone);
  dataplane.installed.set(moved, claimOf(moved, { vtep: parseIp('192.0.2.9') }));
  dataplane.installed.set(missing, { ...claimOf(missing), state: 'missing' });
  dataplane.installed.set(MAC, claimOf(MAC));
  t.is(await reconciler.audit(), 4);
  t.deepEqual(
    macs.map(mac => dataplane.installed.get(mac)),
    [gone, moved, missing, fine].map(mac => claimOf(mac)),
  );
  t.false(dataplane.installed.has(MAC));
  t.is(await reconciler.audit(), 0);
  t.deepEqual(reconciler.report(), { audits: 3, repaired: 4 });
  t.like(lines.at(-1), { level: 'warn', count: 4, msg: 'claims in the dataplane were mended' });
  await reconciler.stop();
});

test('an audit counts the VTEPs that were mended too', async t => {
  const { clock, claims, dataplane } = await makeReconciler();
  const wrong = [2, 0];
  const { log, lines } = memoryLog();
  const reconciler = new ClaimReconciler(
    { clock, log, claims, dataplane },
    { self: 'a', vnis: () => [BLUE], auditVteps: async () => wrong.shift() ?? 0 },
  );
  t.is(await reconciler.audit(), 2);
  t.is(await reconciler.audit(), 0);
  t.deepEqual(reconciler.report(), { audits: 2, repaired: 2 });
  t.deepEqual(lines, []);
});

test('a claim that waits for its VTEP or is covered by an attachment is as it should be', async t => {
  const { claims, dataplane, reconciler } = await makeReconciler();
  claims.set(MAC);
  claims.set(OTHER);
  await reconciler.start();
  dataplane.installed.set(MAC, { ...claimOf(MAC), state: 'vtep_unknown' });
  dataplane.installed.set(OTHER, { ...claimOf(OTHER), state: 'attached_here' });
  t.is(await reconciler.audit(), 0);
  await reconciler.stop();
});

test('audits come by themselves, and mend what a command could not tell', async t => {
  const { clock, claims, dataplane, lines, reconciler } = await makeReconciler();
  await reconciler.start();
  dataplane.fails = true;
  claims.set(MAC);
  reconciler.changed(BLUE, MAC);
  await t.throwsAsync(reconciler.flush(), { code: 'unavailable' });
  dataplane.fails = false;
  t.is(dataplane.installed.size, 0);
  clock.advance(30_000);
  await reconciler.flush();
  t.is(dataplane.installed.size, 1);
  t.true(lines.some(({ count }) => count === 1));
  await reconciler.stop();
  clock.advance(60_000);
  t.is(reconciler.report().audits, 1);
});
