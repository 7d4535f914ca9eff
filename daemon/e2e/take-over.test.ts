/**
 * A daemon takes the place of another that runs, without a service manager: `weft daemon --take-over`.
 *
 *   a-c1 198.18.0.1 ── [ weft a, then weft a again ] ══ [ weft b ] ── b-c1 198.18.0.2     pings and a TCP stream, both all the time
 */
import test from 'ava';
import type { LabProcess } from '../lab/lab-process.ts';
import { unansweredPings } from '../lab/ping.ts';
import { type Vm, weftCommand } from '../lab/vm.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addAttached, addWeftVm, localEndpoints, startPair, waitForPing } from './overlay.ts';

function takeOver(vm: Vm, configPath = vm.configPath): LabProcess {
  const [command, ...args] = weftCommand('daemon', '--config', configPath, '--take-over');
  return vm.spawn(command, args);
}

for (const attach of ATTACH_MODES) {
  test(`take-over (${attach}): the next daemon goes on under traffic, and nothing is lost`, async t => {
    await inLab(t, `take-over-${attach}`, async lab => {
      const { a, b } = await startPair(lab, { attach });
      const near = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const far = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
      await waitForPing(near, '198.18.0.2');
      const server = far.spawn('iperf3', ['-s', '--forceflush']);
      await server.waitForOutput('listening');
      const stream = near.spawn('iperf3', ['-c', '198.18.0.2', '-t', '120', '-b', '20M']);
      let pinging = true;
      const pings = unansweredPings(near, '198.18.0.2', { count: 400, intervalS: 0.02, waitS: 5 }).finally(
        () => {
          pinging = false;
        },
      );
      let former = a.daemon;
      for (let times = 0; times < 2; times++) {
        const next = takeOver(a);
        t.deepEqual(await former.ended, { code: 0, signal: null }, former.report());
        await next.waitForOutput('"ready"');
        t.regex(former.stderr + former.stdout, /the next daemon carries frames/);
        former = next;
      }
      t.true(pinging, 'both have happened while pings were sent');
      const { unanswered, summary } = await pings;
      t.deepEqual(unanswered, [], summary);
      t.true(stream.running && server.running);
      t.is((await localEndpoints(a)).length, 1);
      await former.stop('SIGTERM');
    });
  });
}

test('take-over: where none runs it is a start, and one that cannot start leaves the one that runs as it is', async t => {
  await inLab(t, 'take-over-none', async lab => {
    const a = await addWeftVm(lab, 1, {});
    const wrong = `${a.directory}/wrong.yaml`;
    a.writeConfig('node: {name: []}', wrong);
    const failed = takeOver(a, wrong);
    t.is((await failed.ended).code, 1);
    t.true(a.daemon.running);
    await a.api.status();
    await a.stopWeft();
    const first = takeOver(a);
    await first.waitForOutput('"ready"');
    await first.stop('SIGTERM');
  });
});
