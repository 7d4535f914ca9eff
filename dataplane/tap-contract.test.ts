/**
 * The port contract on the real kernel:
 *
 *   NativeTapPort a ── tap-a ──┬── bridge ──┬── tap-b ── NativeTapPort b        in a namespace of the test
 */
import { Arena } from './arena.ts';
import { delay, systemClock } from './clock.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import type { BatchHandler } from './ports.ts';
import { NativeTapPort } from './tap.ts';
import { openTap } from './tap-device.ts';
import { tapPortContract } from './testing/port-contract.ts';
import { SCRATCH_SIZE } from './testing/port-probe.ts';

/** What was written is with the other device when the call returns, and this many turns of the loop read it. */
const SETTLE_MS = 50;

tapPortContract('NativeTapPort', async handlers => {
  const undo: (() => void)[] = [];
  const { name: namespace, path } = makeNamespace({ teardown: remove => undo.unshift(remove) });
  const arena = new Arena({ scratchSize: SCRATCH_SIZE });
  ip('-n', namespace, 'link', 'add', 'bridge', 'type', 'bridge', 'mcast_snooping', '0');
  ip('-n', namespace, 'link', 'set', 'dev', 'bridge', 'up');
  const open = (device: string, onFrames: BatchHandler): NativeTapPort => {
    const { fd } = openTap({ name: device, netnsPath: path, persist: false });
    const onLost = (errno: number) => {
      throw new Error(`${device} was lost: ${errno}`);
    };
    const port = new NativeTapPort({ arena }, { fd }, { onFrames, onLost });
    undo.unshift(() => port.close());
    ip('-n', namespace, 'link', 'set', 'dev', device, 'master', 'bridge', 'up');
    return port;
  };
  return {
    a: open('tap-a', handlers.a),
    b: open('tap-b', handlers.b),
    arena: arena.memory,
    scratch: arena.scratchOffset,
    settle: () => delay(systemClock, SETTLE_MS),
    close: async () => {
      for (const step of undo) step();
    },
  };
});
