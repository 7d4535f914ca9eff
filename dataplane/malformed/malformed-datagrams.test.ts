/** The tables of what a VXLAN socket receives, delivered in every way that row.ts names. */
import test, { type ExecutionContext } from 'ava';
import type { Outcome } from '../native/testing/segments.ts';
import { udpFrame, vxlanPayload } from '../testing/frames.ts';
import { type Arrival, DirectRig } from './direct-rig.ts';
import { ARP_ROWS, ETHERNET_ROWS } from './ethernet-rows.ts';
import { expectedVerdict } from './expected-verdict.ts';
import { IPV4_ROWS, IPV6_ROWS } from './ip-rows.ts';
import { BLUE, type DatagramRow, edited, INWARD } from './row.ts';
import { ND_ROWS, TCP_ROWS, UDP_ROWS } from './transport-rows.ts';
import { VXLAN_ROWS } from './vxlan-rows.ts';

const ROWS: readonly DatagramRow[] = [
  ...VXLAN_ROWS,
  ...ETHERNET_ROWS,
  ...ARP_ROWS,
  ...IPV4_ROWS,
  ...IPV6_ROWS,
  ...TCP_ROWS,
  ...UDP_ROWS,
  ...ND_ROWS,
];

/** Two good frames of a flow of their own, not to be merged with each other: different sizes. */
const GOOD = [7, 9].map(size => udpFrame({ ...INWARD, sourcePort: 999, payload: new Uint8Array(size) }));
const [BEFORE, BEHIND] = GOOD.map(frame => ({ datagram: vxlanPayload(BLUE, frame) })) as [Arrival, Arrival];

const VALUES = [0x00, 0x01, 0x7f, 0x80, 0xff];
const DAMAGED_BYTES = 128;
/** What is longer is cut and damaged within its first bytes only. */
const CUT_BYTES = 300;

/** How many frames came under which reason since `before`. */
function newDrops(rig: DirectRig, before: Readonly<Record<string, number>>): Record<string, number> {
  const now = Object.entries(rig.drops()).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  );
  return Object.fromEntries(now.filter(([, count]) => count !== 0));
}

/** Whether the frames are these, byte for byte; a merged one stands for several whose payloads it holds. */
function isSame(written: readonly Outcome[], expected: readonly Uint8Array[]): boolean {
  let next = 0;
  for (const outcome of written) {
    const parts = expected.slice(next, next + 1 + outcome.pieces);
    next += parts.length;
    const whole =
      outcome.pieces === 0
        ? parts[0]
        : Buffer.concat([
            outcome.frame.subarray(0, outcome.headerLength),
            ...parts.map(part => part.subarray(outcome.headerLength)),
          ]);
    if (whole === undefined || Buffer.compare(outcome.frame, whole) !== 0) return false;
  }
  return next === expected.length;
}

interface Expectation {
  readonly verdict: string;
  readonly instead: Uint8Array;
}

/** Delivers a batch; undefined if everything is as expected, else what is not. */
function problem(
  rig: DirectRig,
  arrivals: readonly (Arrival & { readonly expectation?: Expectation })[],
): string | undefined {
  rig.clear();
  const before = rig.drops();
  const damaged = rig.receive(arrivals);
  const expectedDrops: Record<string, number> = {};
  const frames: Uint8Array[] = [];
  for (const { datagram, expectation } of arrivals) {
    const verdict = expectation?.verdict ?? 'delivered';
    if (verdict === 'delivered') frames.push(expectation?.instead ?? datagram.subarray(8));
    else expectedDrops[verdict] = (expectedDrops[verdict] ?? 0) + 1;
  }
  const drops = newDrops(rig, before);
  if (JSON.stringify(Object.entries(drops).sort()) !== JSON.stringify(Object.entries(expectedDrops).sort()))
    return `drops ${JSON.stringify(drops)}, expected ${JSON.stringify(expectedDrops)}`;
  if (!isSame(rig.written, frames))
    return `${rig.written.length} frames written, not the ${frames.length} expected`;
  if (rig.sent.length > 0) return `${rig.sent.length} frames were answered`;
  return damaged > 0 ? `${damaged} bytes around the datagrams were written to` : undefined;
}

/** Alone, twice in one batch, and between two good ones. */
function problemInAnyPlace(rig: DirectRig, row: DatagramRow): string | undefined {
  const instead = row.instead ?? row.datagram.subarray(8);
  const arrival = { ...row, expectation: { verdict: row.verdict, instead } };
  for (const arrivals of [
    [arrival],
    [arrival, arrival],
    [BEFORE, arrival, BEHIND],
    [BEFORE, arrival, arrival, BEHIND],
  ]) {
    const found = problem(rig, arrivals);
    if (found !== undefined) return `${found} (${arrivals.length} in the batch)`;
  }
  return undefined;
}

/** Cut at every byte, and with each of the first bytes damaged. */
function* variations(datagram: Uint8Array): Generator<readonly [string, Uint8Array]> {
  for (let size = 0; size < Math.min(datagram.length, CUT_BYTES); size++)
    yield [`cut to ${size} bytes`, datagram.subarray(0, size)];
  for (let at = 0; at < Math.min(datagram.length, DAMAGED_BYTES); at++)
    for (const value of VALUES)
      if (datagram[at] !== value)
        yield [`byte ${at} = 0x${value.toString(16)}`, edited(datagram, [at, value])];
}

function checkVariations(t: ExecutionContext, rig: DirectRig, row: DatagramRow): void {
  const { sender = 'peer' } = row;
  for (const [what, datagram] of variations(row.datagram)) {
    const expectation = { verdict: expectedVerdict(datagram, sender), instead: datagram.subarray(8) };
    const found = problem(rig, [BEFORE, { datagram, sender, expectation }, BEHIND]);
    if (found !== undefined) t.fail(`${what}: ${found}`);
  }
}

const rig = new DirectRig();

for (const row of ROWS) {
  test(`${row.family}: ${row.name}: ${row.verdict}`, t => {
    t.is(problemInAnyPlace(rig, row), undefined);
    // Congestion marks and whole super-frames have rules of their own, which expectedVerdict() does not know.
    if (row.tos !== undefined || row.datagram.length > 2000) return;
    t.is(expectedVerdict(row.datagram, row.sender), row.verdict);
    // All reserved bits do the same.
    if (!row.name.startsWith('reserved bit')) checkVariations(t, rig, row);
  });
}

test('the tables have every family', t => {
  t.deepEqual(
    [...new Set(ROWS.map(({ family }) => family))],
    ['VXLAN', 'Ethernet', 'ARP', 'IPv4', 'IPv6', 'TCP', 'UDP', 'ND'],
  );
  const names = ROWS.map(({ family, name }) => `${family} ${name}`);
  t.is(new Set(names).size, names.length);
  t.true(names.length > 250, `${names.length} rows`);
});
