/**
 * A service that is restarted, or killed, cuts nothing: TAPs and sockets wait in systemd's store, and the next process goes on with them.
 *
 *   a-c1 198.18.0.1 ── [ systemd ── weft.service   a ] ══ [ weft b ] ── b-c1 198.18.0.2     pings and a TCP stream, both all the time
 */
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import type { Container } from '../lab/container.ts';
import type { Lab } from '../lab/lab.ts';
import type { LabProcess } from '../lab/lab-process.ts';
import { SystemdHost } from '../lab/systemd-host.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addAttached, addWeftVm, BLUE, waitForPeer, waitForPing } from './overlay.ts';

/** WEFT_RESTARTS=50 WEFT_KILLS=20 for the whole of it. */
const { WEFT_RESTARTS = '3', WEFT_KILLS = '2' } = process.env;
const RESTARTS = Number(WEFT_RESTARTS);
const KILLS = Number(WEFT_KILLS);
const PINGS_A_SECOND = 100;
/** Between one end of the daemon and the next, in milliseconds: all is quiet again. */
const CALM_MS = 1500;
/** Frames that a worker reads before it sends (RECEIVE_BATCH of dataplane/ports.ts). */
const BATCH = 64;
const UNIT = 'weft.service';

async function startPair(lab: Lab, attach: 'bridge' | 'tap'): Promise<{ host: SystemdHost; a: Vm; b: Vm }> {
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const host = await SystemdHost.boot(a);
  const networks = [{ ...BLUE, attach }];
  const config = weftConfig(a, { networks, override: { paths: {} } });
  await host.write('/etc/weft/weft.yaml', JSON.stringify(config));
  await host.exec('systemctl', ['start', UNIT]);
  const b = await addWeftVm(lab, 2, { networks });
  await waitForPeer(b, 'a', 'alive');
  return { host, a, b };
}

/** Pings without end; each answer is one line with the time of its arrival. */
class Pinging {
  private readonly process: LabProcess;

  constructor(from: Container, address: string) {
    this.process = from.spawn('ping', ['-D', '-i', String(1 / PINGS_A_SECOND), address]);
  }

  get received(): number {
    return this.arrivals().length;
  }

  /** Stops it. Numbers that were not answered, and the longest time without an answer, in milliseconds. */
  async end(): Promise<{ lost: number; sent: number; gapMs: number }> {
    this.process.signal('SIGINT');
    await this.process.ended;
    const [, sent = '0', received = '0'] =
      /(\d+) packets transmitted, (\d+) received/.exec(this.process.stdout) ?? [];
    // The last ones were on their way.
    const lost = Math.max(0, Number(sent) - Number(received) - 2);
    return { lost, sent: Number(sent), gapMs: longestGap(this.arrivals()) };
  }

  private arrivals(): number[] {
    return [...this.process.stdout.matchAll(/^\[(\d+\.\d+)\] \d+ bytes/gm)].map(
      ([, time]) => Number(time) * 1000,
    );
  }
}

function longestGap(times: readonly number[]): number {
  return Math.round(Math.max(0, ...times.slice(1).map((time, i) => time - (times[i] ?? time))));
}

/** How often a stream over TCP was ended by the other side, or not carried on: none. */
async function resets({ from, ran }: { from: Container; ran: LabProcess }): Promise<string> {
  ran.signal('SIGINT');
  await ran.ended;
  const { stdout } = await from.exec('nstat', ['-asz', 'TcpEstabResets', 'TcpExtTCPAbortOnTimeout']);
  return stdout.replaceAll(/\s+/g, ' ').trim();
}

for (const attach of ATTACH_MODES) {
  test(`continuity (${attach}): restarts and kills under traffic lose nothing`, async t => {
    t.timeout(600_000);
    await inLab(t, `continuity-${attach}`, async lab => {
      const { host, a, b } = await startPair(lab, attach);
      const near = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const far = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
      await waitForPing(near, '198.18.0.2');
      const server = far.spawn('iperf3', ['-s', '--forceflush']);
      await server.waitForOutput('listening');
      const stream = near.spawn('iperf3', ['-c', '198.18.0.2', '-t', '3600', '-b', '100M']);
      const restart = async () => void (await host.exec('systemctl', ['restart', UNIT]));
      const kill = async () => {
        const pid = await host.mainPid(UNIT);
        process.kill(pid, 'SIGKILL');
        await waitFor(
          async () =>
            (await host.property(UNIT, 'SubState')) === 'running' && (await host.mainPid(UNIT)) !== pid,
          {
            what: 'the service to be back',
            timeoutMs: 30_000,
          },
        );
      };
      await each(t, 'restart', RESTARTS, { near, allowed: 0 }, restart);
      // What the process had read is gone with it.
      await each(t, 'kill -9', KILLS, { near, allowed: BATCH }, kill);
      t.true(stream.running && server.running);
      t.is(await resets({ from: near, ran: stream }), await resets({ from: far, ran: server }));
      t.is((await a.api.endpoints()).filter(({ owner }) => owner === 'a').length, 1);
    });
  });
}

async function each(
  t: ExecutionContext,
  what: string,
  times: number,
  { near, allowed }: { readonly near: Container; readonly allowed: number },
  end: () => Promise<void>,
): Promise<void> {
  for (let i = 0; i < times; i++) {
    const pinging = new Pinging(near, '198.18.0.2');
    await waitFor(async () => pinging.received > 20, { what: 'answers' });
    const start = systemClock.now();
    await end();
    const took = Math.round(systemClock.now() - start);
    const before = pinging.received;
    await waitFor(async () => pinging.received > before + (CALM_MS / 1000) * PINGS_A_SECOND, {
      what: 'answers again',
    });
    const { lost, sent, gapMs } = await pinging.end();
    t.log(`${what}: ${lost} of ${sent} pings lost, ${gapMs} ms without an answer; took ${took} ms`);
    t.true(lost <= allowed, `${lost} of ${sent} lost`);
  }
}
