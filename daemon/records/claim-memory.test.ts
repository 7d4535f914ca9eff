import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { PlacedClaim } from '../../control/records/claim.ts';
import { parseIp, parseMac, parseVni, type VtepAddress } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { ClaimMemory } from './claim-memory.ts';
import type { RememberedCarrier } from './remembered-claims.ts';

const BLUE = parseVni(42);
const GREEN = parseVni(43);
const MAC = parseMac('02:00:00:00:00:01');
const IP = parseIp('198.18.0.1');
const vtep = { address: parseIp('192.0.2.2') as VtepAddress, port: 4789 };
const HELD: RememberedCarrier = {
  vni: GREEN,
  origin: 'c',
  vtep,
  tells: false,
  claims: [{ mac: MAC, ips: [], mobility: 0 }],
};

function setUp(
  t: ExecutionContext,
  { self = 'a', held = [] as RememberedCarrier[] } = {},
  runDirectory?: string,
) {
  const directory = runDirectory ?? mkdtempSync(join(tmpdir(), 'weft-claims-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const clock = new ManualClock();
  // The next process is later.
  if (runDirectory !== undefined) clock.advance(1000);
  const { log, lines } = memoryLog();
  const records = {
    *carriers(vni: number) {
      if (vni !== BLUE) return;
      yield ['a', { address: parseIp('192.0.2.1') as VtepAddress, port: 4789 }] as const;
      yield ['b', vtep] as const;
    },
    *owners(vni: number) {
      const claim = { vni: BLUE, mac: MAC, ips: [IP], mobility: 2, vtep };
      if (vni === BLUE) yield { ...claim, origin: 'b', interface: 'eth0' } as unknown as PlacedClaim;
      if (vni === BLUE)
        yield { ...claim, origin: 'a', mac: parseMac('02:00:00:00:00:09') } as unknown as PlacedClaim;
    },
    tells: () => true,
  };
  const memory = new ClaimMemory(
    { clock, log, records },
    { self, runDirectory: directory, vnis: () => [BLUE, GREEN], held: () => held },
  );
  return { clock, directory, lines, memory };
}

const KNOWN: RememberedCarrier = {
  vni: BLUE,
  origin: 'b',
  vtep,
  tells: true,
  claims: [{ mac: MAC, ips: [IP], mobility: 2 }],
};

test('what the pool says of others is there for the next process, once it has settled', t => {
  const { clock, directory, memory } = setUp(t);
  t.deepEqual(memory.load(), []);
  memory.changed();
  memory.changed();
  clock.advance(499);
  t.deepEqual(readdirSync(directory), []);
  clock.advance(1);
  t.is(clock.wakeUps, 1);
  t.deepEqual(setUp(t, {}, directory).memory.load(), [KNOWN]);
});

test('at the end what has not been written is written; what was passed on and is not known better is passed on', t => {
  const stale = { ...KNOWN, claims: [] };
  const { directory, memory } = setUp(t, { held: [HELD, stale] });
  memory.stop();
  t.deepEqual(readdirSync(directory), []);
  memory.changed();
  memory.stop();
  t.deepEqual(setUp(t, {}, directory).memory.load(), [KNOWN, HELD]);
});

test('what is older than five minutes, or of another node, is not used', t => {
  const { directory, memory } = setUp(t);
  memory.changed();
  memory.stop();
  t.deepEqual(setUp(t, { self: 'other' }, directory).memory.load(), []);
  const later = setUp(t, {}, directory);
  later.clock.advance(299_000);
  for (const days of [1, -1, -1, 1]) {
    later.clock.stepWall(days * 86_400_000);
    t.deepEqual(later.memory.load(), [KNOWN], 'a wall clock that is set makes nothing older or younger');
  }
  later.clock.advance(1);
  t.deepEqual(later.memory.load(), []);
});

test('an upgrade and its way back keep it: a weft without stamps goes by the wall clock', t => {
  const { clock, directory, memory } = setUp(t);
  memory.changed();
  memory.stop();
  const file = join(directory, 'claims.json');
  const { stamp, ...former } = JSON.parse(readFileSync(file, 'utf8'));
  t.is(typeof stamp.boot, 'string');
  t.is(former.version, 1);
  t.is(former.written, clock.wallTime());
  for (const [age, loaded] of [
    [0, [KNOWN]],
    [300_000, [KNOWN]],
    [300_001, []],
    [-1, []],
  ] as const) {
    writeFileSync(file, JSON.stringify({ ...former, written: clock.wallTime() - age }));
    t.deepEqual(memory.load(), loaded, `${age} ms old`);
  }
});

test('a file that cannot be read is one line of the log and no reason not to start', t => {
  const { directory, lines, memory } = setUp(t);
  for (const text of [
    '',
    '{',
    '{"version":2}',
    '{"version":1,"node":"a","written":{"boot":"x","at":0},"carriers":[]}',
    '{"version":1,"node":"a","written":0,"carriers":[{"vni":0}]}',
  ]) {
    writeFileSync(join(directory, 'claims.json'), text);
    t.deepEqual(memory.load(), [], text);
  }
  t.is(lines.length, 5);
  t.like(lines[0], {
    level: 'warn',
    msg: 'what an earlier process has left of the forwarding state cannot be read',
  });
});
