/** Random batches of the tables' datagrams, cut and damaged: whatever comes, each is accounted for once. */
import test from 'ava';
import fc from 'fast-check';
import { udpFrame, vxlanPayload } from '../testing/frames.ts';
import { type Arrival, DirectRig } from './direct-rig.ts';
import { ARP_ROWS, ETHERNET_ROWS } from './ethernet-rows.ts';
import { expectedVerdict } from './expected-verdict.ts';
import { IPV4_ROWS, IPV6_ROWS } from './ip-rows.ts';
import { BLUE, edited, INWARD, type Sender } from './row.ts';
import { ND_ROWS, TCP_ROWS, UDP_ROWS } from './transport-rows.ts';
import { VXLAN_ROWS } from './vxlan-rows.ts';

const SEED = 7348;
const RUNS = 20_000;

const DATAGRAMS = [VXLAN_ROWS, ETHERNET_ROWS, ARP_ROWS, IPV4_ROWS, IPV6_ROWS, TCP_ROWS, UDP_ROWS, ND_ROWS]
  .flat()
  .map(({ datagram }) => datagram)
  .filter(({ length }) => length < 2000);

const GOOD: Arrival = { datagram: vxlanPayload(BLUE, udpFrame({ ...INWARD, sourcePort: 999 })) };

const often = <T>(usual: T, unusual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: unusual });

const arrival: fc.Arbitrary<Required<Arrival>> = fc
  .record({
    datagram: fc.constantFrom(...DATAGRAMS),
    cut: often(0, fc.nat(150)),
    damage: fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 3 }),
    sender: often<Sender>('peer', fc.constantFrom<Sender>('stranger', 'elsewhere', 'self')),
    tos: fc.constantFrom(0, 0, 1, 2, 3, 0xb9),
  })
  .map(({ datagram, cut, damage, sender, tos }) => {
    const short = datagram.subarray(0, Math.max(0, datagram.length - cut));
    const edits = damage.filter(([at]) => at < short.length);
    return { datagram: edited(short, ...edits), sender, tos };
  });

function sum(drops: Readonly<Record<string, number>>): number {
  return Object.values(drops).reduce((total, count) => total + count, 0);
}

test('forwarder: of any batch each datagram is delivered once or dropped once, and nothing around it is written', t => {
  const rig = new DirectRig();
  let delivered = 0;
  fc.assert(
    fc.property(fc.array(arrival, { minLength: 1, maxLength: 8 }), arrivals => {
      rig.clear();
      const before = sum(rig.drops());
      const damaged = rig.receive(arrivals);
      const written = rig.written.reduce((total, { pieces }) => total + 1 + pieces, 0);
      delivered += written;
      return (
        damaged === 0 && rig.sent.length === 0 && written + sum(rig.drops()) - before === arrivals.length
      );
    }),
    { seed: SEED, numRuns: RUNS },
  );
  t.true(delivered > RUNS, `${delivered} delivered`);
});

test('forwarder: a damaged datagram is dropped for the reason that the rules name, or delivered as it came', t => {
  const rig = new DirectRig();
  fc.assert(
    fc.property(arrival, ({ datagram, sender }) => {
      rig.clear();
      const before = rig.drops();
      // Behind a good one, by which the peer's container is known.
      rig.receive([GOOD, { datagram, sender }]);
      const verdict = expectedVerdict(datagram, sender);
      if (verdict !== 'delivered') return rig.drops()[verdict] === (before[verdict] ?? 0) + 1;
      const [, written] = rig.written;
      return written !== undefined && Buffer.compare(written.frame, datagram.subarray(8)) === 0;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  t.pass();
});
