/**
 * The daemons of a lab as units that may do what weft.service may: attach, ping, streams, and the proof that they are restricted. All
 * end-to-end tests run so with `node dist/daemon/lab/run-hardened.js`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { runCommand } from '../lab/run-command.ts';
import { IN_UNITS } from '../lab/unit-process.ts';
import { packageRoot } from '../package-info.ts';
import { inLab } from './in-lab.ts';
import { assertPing, attachPair, startPair } from './overlay.ts';

/** proc_pid_status(5): a filter of system calls, and that no program gives more. */
const RESTRICTED = /^NoNewPrivs:\t1$[\s\S]*^Seccomp:\t2$/m;

if (IN_UNITS) {
  test('hardened: a daemon of the lab is restricted, and carries', async t => {
    await inLab(t, 'hardened-pair', async lab => {
      const pair = await startPair(lab);
      for (const { daemon } of [pair.a, pair.b])
        t.regex(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'), RESTRICTED);
      const { c1 } = await attachPair(pair);
      await assertPing(t, c1, '198.18.0.2');
    });
  });
} else {
  test('hardened: what carries frames, as a unit that may do what weft.service may', async t => {
    t.timeout(300_000);
    for (const selection of ['e2e/hardened', 'e2e/traffic']) {
      const runner = join(packageRoot, 'dist/daemon/lab/run-hardened.js');
      const { stdout } = await runCommand(process.execPath, [runner, selection], { timeoutMs: 280_000 });
      t.regex(stdout, /^[1-9]\d* passed, 0 failed$/m);
    }
  });
}
