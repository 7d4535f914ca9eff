/** Several reads, writes and sends in one system call (ring.h), and every way in which they cannot share one. */
import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { makeNamespace } from './testing/namespace.ts';
import type { RingObservation, RingScenario } from './testing/ring-scenario.ts';

const { EPERM, ENOSYS, EOPNOTSUPP, EBUSY } = constants.errno;
const SCENARIO = fileURLToPath(new URL('testing/ring-scenario.js', import.meta.url));

function observe(t: ExecutionContext, scenario: Partial<RingScenario>): RingObservation {
  const { name } = makeNamespace(t);
  const options = JSON.stringify({ ring: true, use: 0, probe: 0, ...scenario });
  const output = execFileSync('ip', ['netns', 'exec', name, process.execPath, SCENARIO, options], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return JSON.parse(output) as RingObservation;
}

/** What arrives, and in which order, is the same however the calls were made. */
function assertDelivered(t: ExecutionContext, seen: RingObservation, expected: RingObservation): void {
  t.deepEqual(seen.datagrams, expected.datagrams);
  t.deepEqual(seen.frames, expected.frames);
  t.deepEqual(seen.statuses, expected.statuses);
  t.is(seen.sent.txErrors + seen.written.txErrors, 0);
}

test('the frames of a batch share a system call, and arrive as they do without', t => {
  const alone = observe(t, { ring: false });
  t.is(alone.frames.length, 120);
  t.true(alone.statuses.every(status => status === 0));
  t.deepEqual(alone.missing, [], 'what was not asked for is not missing');
  // Three batches of 40 frames: a write each; a sendmmsg for each of 4 sockets.
  t.is(alone.written.txBatches, 120);
  t.is(alone.sent.txBatches, 12);

  const seen = observe(t, {});
  assertDelivered(t, seen, alone);
  t.is(seen.written.txBatches, 3);
  // The first batch has runs of equal datagrams: whether UDP_SEGMENT works shows before others may follow in one call.
  t.is(seen.sent.txBatches, 4 + 1 + 1);
  t.deepEqual(seen.missing, []);
  t.deepEqual(seen.lost, []);
});

for (const [name, probe] of [
  ['forbids it', EPERM],
  ['does not have it', ENOSYS],
  ['lacks a call in it', EOPNOTSUPP],
] as const) {
  test(`where the kernel ${name}, calls are made one by one, and nothing is called lost`, t => {
    const seen = observe(t, { probe });
    assertDelivered(t, seen, observe(t, { ring: false }));
    t.is(seen.written.txBatches, 120);
    t.deepEqual(seen.missing, ['io-uring']);
    t.deepEqual(seen.lost, []);
  });
}

for (const [name, use] of [
  ['a call', EOPNOTSUPP],
  ['the submission', EBUSY],
] as const) {
  test(`where the kernel refuses ${name} while running, it is made again, and no other is tried`, t => {
    const seen = observe(t, { use });
    assertDelivered(t, seen, observe(t, { ring: false }));
    t.deepEqual(seen.missing, []);
    t.true(seen.lost.length > 0);
    t.true(seen.lost.every(([offload, errno]) => offload === 'io-uring' && errno === use));
  });
}
