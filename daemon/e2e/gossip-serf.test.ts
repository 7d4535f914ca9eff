/**
 * One pool of weft daemons and serf agents, each on a machine of its own, without and with encryption.
 *
 *   [ weft a ] [ weft b ] [ weft c ] [ serf d ] [ serf e ]
 *       ╚══════════╩══════════╬══════════╩══════════╝
 */
import test from 'ava';
import type { Lab } from '../lab/lab.ts';
import type { LabProcess } from '../lab/lab-process.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { KeysReport, PeerReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { BLUE } from './overlay.ts';

const KEYS = [1, 2, 3].map(fill => Buffer.alloc(32, fill).toString('base64'));
const [FIRST_KEY = '', SECOND_KEY = '', THIRD_KEY = ''] = KEYS;

interface SerfVm {
  readonly vm: Vm;
  readonly agent: LabProcess;
  serf(...args: readonly string[]): Promise<string>;
  /** Name → status. */
  members(): Promise<Record<string, string>>;
}

async function addWeft(lab: Lab, name: string, n: number, key: string | undefined): Promise<Vm> {
  const vm = await lab.addVm(name, { underlay: `192.0.2.${n}/24` });
  const gossip = { join: n === 1 ? [] : ['192.0.2.1'], ...(key !== undefined && { key }) };
  await vm.startWeft({ networks: [BLUE], override: { gossip } });
  return vm;
}

async function addSerf(lab: Lab, name: string, n: number, key: string | undefined): Promise<SerfVm> {
  const vm = await lab.addVm(name, { underlay: `192.0.2.${n}/24` });
  const encrypt = key === undefined ? [] : [`-encrypt=${key}`];
  const where = [`-node=${name}`, `-bind=192.0.2.${n}`, '-rpc-addr=127.0.0.1:7373', '-join=192.0.2.1'];
  const agent = vm.spawn('serf', ['agent', ...where, '-tag', 'role=judge', ...encrypt]);
  await agent.waitForOutput('agent: joined');
  const serf = async (...args: readonly string[]) => (await vm.exec('serf', args)).stdout;
  return {
    vm,
    agent,
    serf,
    async members() {
      const { members } = JSON.parse(await serf('members', '-format=json')) as {
        readonly members: readonly { readonly name: string; readonly status: string }[];
      };
      return Object.fromEntries(members.map(({ name: of, status }) => [of, status]));
    },
  };
}

async function stateOf(vm: Vm, name: string): Promise<string | undefined> {
  return (await vm.weftJson<PeerReport[]>('peers')).find(peer => peer.name === name)?.state;
}

async function startPool(lab: Lab, key: string | undefined) {
  const wefts = [await addWeft(lab, 'a', 1, key)];
  wefts.push(...(await Promise.all([addWeft(lab, 'b', 2, key), addWeft(lab, 'c', 3, key)])));
  const serfs = await Promise.all([addSerf(lab, 'd', 4, key), addSerf(lab, 'e', 5, key)]);
  return { wefts, serfs };
}

/**
 * Each of the living sees each other one of the living alive, and those that are gone as dead, failed or left, by its own word.
 * Who was started later has never known some of these.
 */
async function agree(
  wefts: readonly Vm[],
  serfs: readonly SerfVm[],
  gone: Readonly<Record<string, readonly [string, string]>>,
  newcomers: readonly string[] = [],
) {
  const living = [...wefts.map(({ name }) => name), ...serfs.map(({ vm }) => vm.name)];
  const expected = (own: string, word: 0 | 1, alive: boolean) =>
    Object.fromEntries([
      ...living.filter(name => alive || name !== own).map(name => [name, 'alive']),
      ...Object.entries(gone).flatMap(([name, words]) =>
        newcomers.includes(own) ? [] : [[name, words[word]]],
      ),
    ]);
  const same = (a: object, b: object) =>
    JSON.stringify(Object.entries(a).toSorted()) === JSON.stringify(Object.entries(b).toSorted());
  await waitFor(
    async () => {
      for (const vm of wefts) {
        const peers = await vm.weftJson<PeerReport[]>('peers');
        const seen = Object.fromEntries(peers.map(({ name, state }) => [name, state]));
        if (!same(seen, expected(vm.name, 0, false))) return false;
      }
      for (const { members, vm } of serfs)
        if (!same(await members(), expected(vm.name, 1, true))) return false;
      return true;
    },
    { what: `all to agree that ${JSON.stringify(gone)} are gone and the others are not`, timeoutMs: 40_000 },
  );
}

for (const key of [undefined, FIRST_KEY]) {
  test(`serf ${key === undefined ? 'without' : 'with'} a key: members agree both ways, kill -9 is failed in serf and dead in weft`, async t => {
    await inLab(t, key === undefined ? 'serf' : 'serf-key', async lab => {
      const { wefts, serfs } = await startPool(lab, key);
      const [a, b, c] = wefts;
      const [d, e] = serfs;
      if (a === undefined || b === undefined || c === undefined || d === undefined || e === undefined)
        return t.fail();
      await agree(wefts, serfs, {});
      await Promise.all([c.kill9(), e.agent.stop('SIGKILL')]);
      await agree([a, b], [d], { c: ['dead', 'failed'], e: ['dead', 'failed'] });
      await c.restartWeft();
      await agree([a, b, c], [d], { e: ['dead', 'failed'] }, ['c']);
      await b.stopWeft();
      await waitFor(
        async () =>
          [
            await stateOf(a, 'b'),
            await stateOf(c, 'b'),
            new Map(Object.entries(await d.members())).get('b'),
          ].every(state => state === 'left'),
        { what: 'b to have left for weft and for serf', timeoutMs: 5000 },
      );
      t.pass();
    });
  });
}

test('a key rotation that serf starts, then one that weft starts, ends on all; a restart keeps it; no log has a key', async t => {
  await inLab(t, 'serf-keys', async lab => {
    const { wefts, serfs } = await startPool(lab, FIRST_KEY);
    const [a, b, c] = wefts;
    const [d] = serfs;
    if (a === undefined || b === undefined || c === undefined || d === undefined) return t.fail();
    await agree(wefts, serfs, {});
    for (const step of [`-install=${SECOND_KEY}`, `-use=${SECOND_KEY}`, `-remove=${FIRST_KEY}`]) {
      t.regex(await d.serf('keys', step), /Successfully/);
    }
    const list = async () => {
      const { stdout } = await b.weft(['gossip', 'keys', 'list', '--json']);
      return (JSON.parse(stdout) as KeysReport).nodes;
    };
    const afterSerf = await list();
    t.is(afterSerf.length, 5);
    t.deepEqual([...new Set(afterSerf.flatMap(({ keys }) => keys))].length, 1);

    const added = await b.weft(['gossip', 'keys', 'add', THIRD_KEY]);
    t.is(added.stdout, 'added the key on 5 of 5 nodes\n');
    await b.weft(['gossip', 'keys', 'use', THIRD_KEY]);
    await b.weft(['gossip', 'keys', 'remove', afterSerf[0]?.primary ?? '']);
    const afterWeft = await list();
    t.deepEqual([...new Set(afterWeft.flatMap(({ keys, primary }) => [...keys, primary]))].length, 1);
    t.not(afterWeft[0]?.primary, afterSerf[0]?.primary);
    t.true((await d.serf('keys', '-list')).includes(THIRD_KEY));
    await agree(wefts, serfs, {});

    await c.kill9();
    await c.restartWeft();
    await waitFor(async () => (await stateOf(c, 'd')) === 'alive' && (await stateOf(c, 'a')) === 'alive', {
      what: 'c to be back with the keys that it did not get from its configuration',
      timeoutMs: 20_000,
    });
    for (const vm of wefts) {
      const said = vm.daemon.stdout + vm.daemon.stderr;
      for (const key of KEYS) t.false(said.includes(key), vm.name);
    }
  });
});
