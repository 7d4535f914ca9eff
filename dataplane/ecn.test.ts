import test from 'ava';
import { checksum } from './checksum.ts';
import {
  applyDecapsulation,
  CE,
  decapsulatedEcn,
  ECN_DROP,
  ECT_0,
  ECT_1,
  NOT_ECT,
  outerTos,
  outerTosOfFrame,
} from './ecn.ts';
import { readIpv4Tos } from './headers/ipv4.ts';
import { readIpv6TrafficClass } from './headers/ipv6.ts';
import { arpFrame, concat, tcpFrame, viewOf } from './testing/frames.ts';

const DROP = ECN_DROP;

/** RFC 6040 section 4.2, figure 4: [inner, outer, outgoing]. */
const TABLE: readonly (readonly [number, number, number])[] = [
  [NOT_ECT, NOT_ECT, NOT_ECT],
  [NOT_ECT, ECT_0, NOT_ECT],
  [NOT_ECT, ECT_1, NOT_ECT],
  [NOT_ECT, CE, DROP],
  [ECT_0, NOT_ECT, ECT_0],
  [ECT_0, ECT_0, ECT_0],
  [ECT_0, ECT_1, ECT_1],
  [ECT_0, CE, CE],
  [ECT_1, NOT_ECT, ECT_1],
  [ECT_1, ECT_0, ECT_1],
  [ECT_1, ECT_1, ECT_1],
  [ECT_1, CE, CE],
  [CE, NOT_ECT, CE],
  [CE, ECT_0, CE],
  [CE, ECT_1, CE],
  [CE, CE, CE],
];

test('the code points are those of RFC 3168 section 5', t => {
  t.deepEqual([NOT_ECT, ECT_1, ECT_0, CE], [0, 1, 2, 3]);
});

test('outerTos() copies the ECN field and no DSCP bit, for all 256 values', t => {
  for (let tos = 0; tos < 256; tos++) t.is(outerTos(tos), tos % 4);
});

test('outerTosOfFrame(): IPv4, IPv6, behind a tag; 0 for what is not IP', t => {
  for (const family of [4, 6] as const) {
    for (const ecn of [NOT_ECT, ECT_1, ECT_0, CE]) {
      const options = { family, tos: 0xb8 | ecn };
      const plain = tcpFrame(options);
      const tagged = tcpFrame({ ...options, tags: [{ id: 1 }] });
      t.is(outerTosOfFrame(viewOf(plain), 0, plain.length), ecn);
      t.is(outerTosOfFrame(viewOf(tagged), 0, tagged.length), ecn);
      t.is(outerTosOfFrame(viewOf(plain), 0, 20), 0, 'cut inside the IP header');
    }
  }
  const arp = arpFrame(1);
  t.is(outerTosOfFrame(viewOf(arp), 0, arp.length), 0);
});

for (const [inner, outer, expected] of TABLE) {
  test(`decapsulation: inner ${inner}, outer ${outer} gives ${expected === DROP ? 'drop' : expected}`, t => {
    t.is(decapsulatedEcn(inner, outer), expected);
    for (const family of [4, 6] as const) {
      for (const tags of [[], [{ id: 5 }]]) {
        const frame = tcpFrame({ family, tags, tos: 0xb8 | inner });
        const ip = 14 + tags.length * 4;
        const view = viewOf(frame);
        const before = concat(frame);
        // The outer DSCP must count for nothing.
        const verdict = applyDecapsulation(view, 0, frame.length, 0x54 | outer);
        t.is(verdict, expected === DROP ? 'drop' : 'ok');
        if (expected === DROP || expected === inner) {
          t.deepEqual(frame, before, 'unchanged');
        } else {
          const tos = family === 4 ? readIpv4Tos(view, ip) : readIpv6TrafficClass(view, ip);
          t.is(tos, 0xb8 | expected, 'DSCP kept, ECN set');
        }
        if (family === 4) t.is(checksum(view, ip, 20), 0, 'header checksum');
        t.deepEqual(frame.subarray(ip + 12), before.subarray(ip + 12), 'nothing else touched');
      }
    }
  });
}

test('applyDecapsulation(): a frame that carries no valid IP is passed as it is, congestion or not', t => {
  const cut = concat(tcpFrame({ tos: ECT_0 }).subarray(0, 30));
  for (const frame of [arpFrame(1), cut, concat(cut.subarray(0, 10))]) {
    const before = concat(frame);
    t.is(applyDecapsulation(viewOf(frame), 0, frame.length, CE), 'ok');
    t.deepEqual(frame, before);
  }
});
