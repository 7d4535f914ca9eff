/**
 * Many containers on many machines, started, moved and kept apart: what every machine knows, held against the truth.
 *
 *   20 containers ── [ weft a ] ══╗
 *   20 containers ── [ weft b ] ══╬══ switch        WEFT_CHURN_MOVES=2000 WEFT_PARTITION_S=60 for the whole of it
 *        ...             ...      ║
 *   20 containers ── [ weft l ] ══╝
 */
import test, { type ExecutionContext } from 'ava';
import { DEFAULT_GOSSIP_PORT } from '../../control/constants.ts';
import { delay, systemClock } from '../../dataplane/clock.ts';
import { type Hook, losePackets, lostPackets, NoImpairment } from '../lab/impairment.ts';
import type { Lab } from '../lab/lab.ts';
import { notTested } from '../lab/not-tested.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { Crowd } from './crowd.ts';
import { inLab } from './in-lab.ts';
import { BLUE, timed } from './overlay.ts';
import { audit, startPool, waitForTruth } from './pool.ts';

const VMS = 12;
const PER_VM = 20;
const SEED = 20_261_128;
const MOVES_PER_SECOND = 20;
const LOSS_PERCENT = 10;

/** Looking at 12 tables of 240 entries takes a tenth of a second of this machine: not more often. */
const LOOK = { intervalMs: 100 };

/** Moves of the test with loss. Without a number: as many as fit a minute. */
const MOVES = environmentNumber('WEFT_CHURN_MOVES') ?? Number.POSITIVE_INFINITY;
const CHURN_MS = environmentNumber('WEFT_CHURN_MOVES') === undefined ? 60_000 : Number.POSITIVE_INFINITY;
/** How long the partition lasts; at least until each side holds the other for dead. */
const PARTITION_MS = 1000 * (environmentNumber('WEFT_PARTITION_S') ?? 0);

/**
 * Until each side holds all of the other for dead. Where half of the pool does not answer, every node doubts itself first, and probes and
 * waits up to eight times as long (Lifeguard section IV-A).
 */
const DEATHS_MS = 240_000;

/** Of a test; the long form takes as long as this machine needs for 2,000 moves. */
const TIMEOUT_MS = 1_800_000;

function environmentNumber(name: string): number | undefined {
  const text = process.env[name];
  return text === undefined ? undefined : Number(text);
}

/** All machines with all their containers, and every entry everywhere. */
async function startCrowd(t: ExecutionContext, lab: Lab): Promise<{ vms: readonly Vm[]; crowd: Crowd }> {
  const vms = await startPool(lab, VMS, { networks: [BLUE], workers: 1 });
  const crowd = await Crowd.make(lab, vms, { perVm: PER_VM, seed: SEED });
  const attaching = await timed(() => crowd.attach());
  const took = await timed(() => waitForTruth(vms, crowd.whereabouts(), { ...LOOK, timeoutMs: 2000 }));
  t.is(crowd.whereabouts().size, VMS * PER_VM);
  t.log(
    `${crowd.size} containers attached in ${Math.round(attaching)} ms, known to all ${Math.round(took)} ms later`,
  );
  return { vms, crowd };
}

test('churn: all entries are everywhere 2 s after the last attach, and right 10 s after moves with loss', async t => {
  t.timeout(TIMEOUT_MS);
  await inLab(t, 'churn', async lab => {
    const { vms, crowd } = await startCrowd(t, lab);
    const hooks = await loseOnAll(t, vms);
    const start = systemClock.now();
    const moves = await crowd.move(vms, {
      perSecond: MOVES_PER_SECOND,
      goesOn: started => started < MOVES && systemClock.now() - start < CHURN_MS,
    });
    const end = systemClock.now();
    const took = await timed(() => waitForTruth(vms, crowd.whereabouts(), { ...LOOK, timeoutMs: 10_000 }));
    await delay(systemClock, end + 10_000 - systemClock.now());
    t.deepEqual(await audit(vms, crowd.whereabouts()), []);
    t.deepEqual(await repairsOf(vms), [], 'no audit of a node had anything to mend');
    const lost = await lostOf(hooks);
    t.log(`${moves} moves, ${((1000 * moves) / (end - start)).toFixed(1)} a second; ${lost} packets lost`);
    t.log(`all tables right ${Math.round(took)} ms after the last move`);
    if (hooks.size > 0) t.true(lost > moves, `only ${lost} packets were lost`);
    if (Number.isFinite(MOVES)) t.is(moves, MOVES);
    else t.true(moves > 50, `only ${moves} moves in a minute`);
  });
});

test('churn: after a partition with moves on both sides every table is right within 15 s', async t => {
  t.timeout(TIMEOUT_MS);
  await inLab(t, 'partition', async lab => {
    const { vms, crowd } = await startCrowd(t, lab);
    const sides = [vms.slice(0, VMS / 2), vms.slice(VMS / 2)] as const;
    const start = systemClock.now();
    await lab.split(sides[1]);
    let isOver = false;
    const untilApart = async () => {
      try {
        const took = await timed(() =>
          Promise.all([waitForDeaths(...sides), waitForDeaths(sides[1], sides[0])]),
        );
        await delay(systemClock, start + PARTITION_MS - systemClock.now());
        return took;
      } finally {
        isOver = true;
      }
    };
    const [apart, ...counts] = await Promise.all([
      untilApart(),
      ...sides.map(side => crowd.move(side, { perSecond: 3, goesOn: () => !isOver })),
    ]);
    const moves = counts.reduce((sum, count) => sum + count, 0);
    t.true(moves > 20, `only ${moves} moves`);
    for (const side of sides)
      await waitForTruth(side, crowd.whereabouts(side), { ...LOOK, timeoutMs: 10_000 });

    const partition = systemClock.now() - start;
    await lab.mend();
    const healing = await timed(() => waitForTruth(vms, crowd.whereabouts(), { ...LOOK, timeoutMs: 15_000 }));
    t.log(
      `held for dead after ${Math.round(apart)} ms; ${moves} moves in ${Math.round(partition)} ms of partition`,
    );
    t.log(`healed in ${Math.round(healing)} ms`);
    t.deepEqual(await repairsOf(vms), []);
  });
});

/** Loses packets of gossip on the way to each machine; where that cannot be, says so, and loses none. */
async function loseOnAll(t: ExecutionContext, vms: readonly Vm[]): Promise<ReadonlyMap<Vm, Hook>> {
  const loss = { port: DEFAULT_GOSSIP_PORT, percent: LOSS_PERCENT };
  try {
    return new Map(await Promise.all(vms.map(async vm => [vm, await losePackets(vm, loss)] as const)));
  } catch (error) {
    if (!(error instanceof NoImpairment)) throw error;
    notTested(t, `moves with loss: ${error.message}`);
    return new Map();
  }
}

/** What audits of the nodes themselves have mended so far. */
async function repairsOf(vms: readonly Vm[]): Promise<string[]> {
  const claims = await Promise.all(vms.map(async vm => (await vm.api.status()).claims));
  return claims.flatMap(({ audits, repaired }, index) =>
    audits > 0 && repaired === 0 ? [] : `${vms[index]?.name}: ${repaired} repairs in ${audits} audits`,
  );
}

async function lostOf(hooks: ReadonlyMap<Vm, Hook>): Promise<number> {
  const counts = await Promise.all([...hooks].map(async ([vm, hook]) => await lostPackets(vm, hook)));
  return counts.reduce((sum, packets) => sum + packets, 0);
}

/** Waits until all of one side hold all of the other for dead. */
async function waitForDeaths(side: readonly Vm[], others: readonly Vm[]): Promise<void> {
  const names = others.map(({ name }) => name);
  await Promise.all(
    side.map(async vm => {
      await waitFor(
        async () => {
          const peers = await vm.api.peers();
          return names.every(name => peers.find(peer => peer.name === name)?.state === 'dead');
        },
        { what: `${vm.name} to hold ${names.join(', ')} for dead`, timeoutMs: DEATHS_MS, intervalMs: 250 },
      );
    }),
  );
}
