/** The tables of neighbor-rows.ts, sent by a container: whole, cut at each byte, and with each byte damaged. */
import test from 'ava';
import fc from 'fast-check';
import { parseIp } from '../address.ts';
import { VXLAN_HEADER_SIZE } from '../headers/vxlan.ts';
import { claimOf } from '../testing/claims.ts';
import { concat, STATION_B } from '../testing/frames.ts';
import { DirectRig } from './direct-rig.ts';
import { expectedNeighbor } from './expected-neighbor.ts';
import { ARP_ASKED, ND_ASKED, type NeighborRow } from './neighbor-rows.ts';
import { edited } from './row.ts';

const ROWS: readonly NeighborRow[] = [...ARP_ASKED, ...ND_ASKED];
const VALUES = [0x00, 0x01, 0x7f, 0x80, 0xff];

const rig = new DirectRig();

function total(drops: Readonly<Record<string, number>>): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}

/** Sends one frame. undefined if it became of it what must, else what became of it. */
function problem(frame: Uint8Array, verdict: string): string | undefined {
  rig.clear();
  const claim = claimOf(STATION_B, parseIp('192.0.2.2'));
  rig.network.claims.change({ set: [claim], remove: [] });
  const before = rig.drops();
  const damaged = rig.transmit([frame]);
  if (damaged !== VXLAN_HEADER_SIZE * rig.sent.length) return `${damaged} bytes around it were written to`;
  const drops = total(rig.drops()) - total(before);
  const became = `${rig.written.length} answers, ${rig.sent.length} sent, drops ${JSON.stringify(rig.drops())}`;
  if (verdict === 'answered') {
    const isAnswer = rig.written.length === 1 && rig.sent.length === 0 && drops === 0;
    const to = rig.written[0]?.frame.readUIntBE(0, 6);
    const isForSender = to === Buffer.from(frame).readUIntBE(6, 6) || to === 0x3333_0000_0001;
    return isAnswer && isForSender ? undefined : became;
  }
  if (rig.written.length > 0) return became;
  if (verdict === 'sent') {
    const isSame = rig.sent.length === 1 && Buffer.compare(rig.sent[0] ?? Buffer.alloc(0), frame) === 0;
    return isSame && drops === 0 ? undefined : became;
  }
  const isCounted = rig.drops()[verdict] === (before[verdict] ?? 0) + 1;
  return isCounted && drops === 1 && rig.sent.length === 0 ? undefined : became;
}

for (const { family, name, frame, verdict } of ROWS) {
  test(`${family} of a container: ${name}: ${verdict}`, t => {
    t.is(problem(frame, verdict), undefined);
    t.is(expectedNeighbor(frame), verdict);
    for (let size = 0; size < frame.length; size++) {
      const cut = concat(frame.subarray(0, size));
      const expected = expectedNeighbor(cut);
      const found = problem(cut, expected);
      if (found !== undefined) t.fail(`cut to ${size} bytes: ${found}, expected ${expected}`);
    }
    for (let at = 0; at < frame.length; at++) {
      for (const value of VALUES) {
        const damaged = edited(frame, [at, value]);
        const expected = expectedNeighbor(damaged);
        const found = problem(damaged, expected);
        if (found !== undefined) t.fail(`byte ${at} = ${value}: ${found}, expected ${expected}`);
      }
    }
  });
}

test('any damage: what becomes of the frame is what the rules say', t => {
  const anyFrame = fc
    .tuple(
      fc.constantFrom(...ROWS),
      fc.nat(60),
      fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }),
    )
    .map(([{ frame }, cut, damage]) => {
      const short = frame.subarray(0, Math.max(0, frame.length - (cut > 30 ? 0 : cut)));
      return edited(concat(short), ...damage.filter(([at]) => at < short.length));
    });
  let answered = 0;
  fc.assert(
    fc.property(anyFrame, frame => {
      const expected = expectedNeighbor(frame);
      if (expected === 'answered') answered++;
      return problem(frame, expected) === undefined;
    }),
    { seed: 9161, numRuns: 20_000 },
  );
  t.true(answered > 500, `${answered} answered`);
  t.is(
    expectedNeighbor(edited(ROWS[0]?.frame ?? new Uint8Array(0), [6, 2, 0, 0x5e, 0x10, 0, 2])),
    'source_spoofed',
  );
});
