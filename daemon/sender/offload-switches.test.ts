import test from 'ava';
import { offloadSwitches } from './offload-switches.ts';

const AUTO = {
  'udp-segment': 'auto',
  'udp-gro': 'auto',
  'tap-tso': 'auto',
  'tap-uso': 'off',
  'tunnel-gso': 'auto',
  'io-uring': 'auto',
} as const;

for (const [sender, off] of [
  ['auto', {}],
  ['tunnel-gso', {}],
  ['udp-gso', { 'tunnel-gso': 'off' }],
  ['plain', { 'tunnel-gso': 'off', 'udp-segment': 'off' }],
] as const) {
  test(`sender ${sender} switches off what it does without, and nothing on`, t => {
    t.deepEqual(offloadSwitches({ sender, offload: AUTO }), { ...AUTO, ...off });
  });
}
