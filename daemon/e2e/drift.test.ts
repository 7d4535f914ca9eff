/**
 * What somebody deletes or changes of weft's on the host, under traffic: put back within two seconds.
 *
 *   a-c1 198.18.0.1 ──[ weft a ]══[ weft b ]── b-c1 198.18.0.2        WEFT_DRIFT=100: each of them so many times
 */
import test, { type ExecutionContext } from 'ava';
import type { Container } from '../lab/container.ts';
import { ping } from '../lab/ping.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, attachPair, localEndpoints, startPair, timed, waitForPing } from './overlay.ts';

const { WEFT_DRIFT = '3' } = process.env;
const ROUNDS = Number(WEFT_DRIFT);

interface Damage {
  readonly what: string;
  readonly to: (a: Vm, c1: Container) => Promise<unknown>;
  /** Whether it is as it was. */
  readonly isBack: (a: Vm, c1: Container) => Promise<boolean>;
}

async function isUp(host: Vm | Container, name: string, mtu = 1450): Promise<boolean> {
  const link = (await host.links()).find(({ ifname }) => ifname === name);
  return link?.mtu === mtu && link.flags.includes('UP');
}

async function hasAddress(c1: Container): Promise<boolean> {
  const { stdout } = await c1.exec('ip', ['-o', 'address', 'show'], {});
  return stdout.includes('198.18.0.1/24');
}

async function hostLink(a: Vm): Promise<string> {
  return (await a.links()).find(({ ifname }) => /^wv[0-9a-f]{12}$/.test(ifname))?.ifname ?? '';
}

const INSIDE: readonly Damage[] = [
  {
    what: 'interface of the container',
    to: (_, c1) => c1.ip('link del dev eth0'),
    isBack: (_, c1) => hasAddress(c1),
  },
  { what: 'its address', to: (_, c1) => c1.ip('addr flush dev eth0'), isBack: (_, c1) => hasAddress(c1) },
  {
    what: 'its interface set down',
    to: (_, c1) => c1.ip('link set dev eth0 down'),
    isBack: (_, c1) => isUp(c1, 'eth0'),
  },
  {
    what: 'its MTU',
    to: (_, c1) => c1.ip('link set dev eth0 mtu 1400'),
    isBack: (_, c1) => isUp(c1, 'eth0'),
  },
];

const OUTSIDE: readonly Damage[] = [
  { what: 'bridge', to: a => a.ip('link del dev wf-blue'), isBack: a => isUp(a, 'wf-blue') },
  { what: 'TAP of the bridge', to: a => a.ip('link del dev wt-blue'), isBack: a => isUp(a, 'wt-blue') },
  { what: 'bridge set down', to: a => a.ip('link set dev wf-blue down'), isBack: a => isUp(a, 'wf-blue') },
  {
    what: 'TAP taken out of the bridge',
    to: a => a.ip('link set dev wt-blue nomaster'),
    isBack: a => isPort(a, 'wt-blue'),
  },
  {
    what: 'pair deleted on the host',
    to: async a => await a.ip(`link del dev ${await hostLink(a)}`),
    isBack: async (_, c1) => await hasAddress(c1),
  },
  {
    what: 'pair taken out of the bridge',
    to: async a => await a.ip(`link set dev ${await hostLink(a)} nomaster`),
    isBack: async a => await isPort(a, await hostLink(a)),
  },
];

async function isPort(a: Vm, name: string): Promise<boolean> {
  return (await a.links()).find(({ ifname }) => ifname === name)?.master === 'wf-blue';
}

async function damage(
  t: ExecutionContext,
  a: Vm,
  c1: Container,
  { what, to, isBack }: Damage,
): Promise<void> {
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await to(a, c1);
    took.push(
      await timed(async () => {
        await waitFor(() => isBack(a, c1), {
          what: `${what}, round ${round}`,
          timeoutMs: 5000,
          intervalMs: 20,
        });
        await waitForPing(c1, '198.18.0.2', 5000);
      }),
    );
  }
  const sorted = took.toSorted((x, y) => x - y);
  const [median = 0, worst = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  t.log(
    `${what}: ${ROUNDS} times, back and reached after ${Math.round(median)} ms, at most ${Math.round(worst)} ms`,
  );
  t.true(worst < 2000, `${what}: ${worst} ms`);
}

for (const mode of ATTACH_MODES) {
  test.serial(`drift (${mode}): what somebody deletes or changes is back within two seconds`, async t => {
    t.timeout(3_600_000);
    await inLab(t, `drift-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      const before = await c1.link('eth0');
      let isOver = false;
      const traffic = (async () => {
        while (!isOver) await ping(c2, '198.18.0.1', { count: 20, intervalS: 0.05, waitS: 0.3 });
      })();
      try {
        for (const one of mode === 'bridge' ? [...INSIDE, ...OUTSIDE] : INSIDE)
          await damage(t, pair.a, c1, one);
      } finally {
        isOver = true;
        await traffic;
      }
      t.is((await c1.link('eth0')).address, before.address, 'the MAC is what it was');
      t.is((await localEndpoints(pair.a)).length, 1);
      t.regex(pair.a.daemon.stdout, /put back what somebody had deleted or changed/);
    });
  });
}

test.serial('drift: rules that somebody deletes are back within two seconds, a single one too', async t => {
  await inLab(t, 'drift-rules', async lab => {
    const networks = [{ name: 'blue', vni: 42, subnet: '198.18.0.0/24', gateway: true }];
    const { a } = await startPair(lab, { networks });
    const rules = async () =>
      (await a.exec('/usr/sbin/nft', ['-s', 'list', 'table', 'ip', 'weft'], { check: false })).stdout;
    await waitFor(async () => (await rules()).includes('masquerade'), { what: 'the rules' });
    const whole = await rules();
    const damages = [
      ['flush', 'ruleset'],
      ['flush', 'chain', 'ip', 'weft', 'postrouting'],
    ];
    for (let round = 0; round < ROUNDS; round++) {
      for (const args of damages) {
        await a.exec('/usr/sbin/nft', args);
        const took = await timed(async () => {
          await waitFor(async () => (await rules()) === whole, { what: args.join(' '), timeoutMs: 5000 });
        });
        t.true(took < 2000, `${args.join(' ')}: ${took} ms`);
      }
    }
  });
});
