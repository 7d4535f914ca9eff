import test from 'ava';
import { OffloadStates } from './offload-states.ts';
import { OFFLOADS, type Offload, type OffloadSwitch } from './offloads.ts';

function states(...off: readonly Offload[]): OffloadStates {
  const entries = OFFLOADS.map((offload): [Offload, OffloadSwitch] => [
    offload,
    off.includes(offload) ? 'off' : 'auto',
  ]);
  return new OffloadStates(Object.fromEntries(entries) as Record<Offload, OffloadSwitch>);
}

test('OffloadStates: what is not switched off is on', t => {
  const offloads = states('tap-uso', 'tunnel-gso');
  t.deepEqual(offloads.report(), {
    udp_segment: 'on',
    udp_gro: 'on',
    tap_tso: 'on',
    tap_uso: 'off',
    tunnel_gso: 'off',
    io_uring: 'on',
  });
  t.deepEqual(offloads.allowed, ['udp-segment', 'udp-gro', 'tap-tso', 'io-uring']);
});

test('OffloadStates: what a probe missed is unavailable, unless it was switched off anyway', t => {
  const offloads = states('tap-uso');
  offloads.missing('tap-uso');
  offloads.missing('udp-gro');
  t.like(offloads.report(), { tap_uso: 'off', udp_gro: 'unavailable', udp_segment: 'on' });
  t.false(offloads.isAllowed('udp-gro'));
});

test('OffloadStates: a loss is news once; other ports may still try', t => {
  const offloads = states();
  t.true(offloads.lost('tap-tso'));
  t.false(offloads.lost('tap-tso'));
  t.is(offloads.report().tap_tso, 'lost');
  t.true(offloads.isAllowed('tap-tso'));
  offloads.missing('tap-tso');
  t.is(offloads.report().tap_tso, 'lost');
});
