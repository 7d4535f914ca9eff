import test from 'ava';
import { sampleOf } from './round-trip.ts';

test('sampleOf() leaves out the percentiles that so few round trips do not have', t => {
  const trips = { p50: 30, p99: 60, p999: 200 };
  t.deepEqual(sampleOf('rr', { count: 1000, ...trips }), { 'rr-p50': 30, 'rr-p99': 60, 'rr-p999': 200 });
  t.deepEqual(sampleOf('rr', { count: 999, ...trips }), { 'rr-p50': 30, 'rr-p99': 60 });
  t.deepEqual(sampleOf('rr', { count: 99, ...trips }), { 'rr-p50': 30 });
});
