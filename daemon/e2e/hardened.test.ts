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
import { ATTACH_MODES, assertPing, assertStream, attachPair, startPair } from './overlay.ts';

const BYTES = 8 * 1024 * 1024;
/** proc_pid_status(5): a filter of system calls, and that no program gives more. */
const RESTRICTED = /^NoNewPrivs:\t1$[\s\S]*^Seccomp:\t2$/m;

if (IN_UNITS) {
  for (const attach of ATTACH_MODES) {
    test(`hardened (${attach}): a daemon of the lab is restricted, and carries`, async t => {
      await inLab(t, `hardened-${attach}`, async lab => {
        const pair = await startPair(lab, { attach });
        for (const { daemon } of [pair.a, pair.b])
          t.regex(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'), RESTRICTED);
        const { c1, c2 } = await attachPair(pair);
        await assertPing(t, c1, '198.18.0.2');
        await assertStream(t, c1, c2, '198.18.0.2', BYTES);
      });
    });
  }
} else {
  test('hardened: what carries frames, as a unit that may do what weft.service may', async t => {
    t.timeout(300_000);
    const runner = join(packageRoot, 'dist/daemon/lab/run-hardened.js');
    const { stdout } = await runCommand(process.execPath, [runner, 'e2e/hardened'], { timeoutMs: 280_000 });
    t.regex(stdout, /^2 passed, 0 failed$/m);
  });
}
