/**
 * An operator's questions of a container that moves, and of one that two VMs have: where is it, why, and how is it let go?
 * VMs a, b and c in network blue; the address 198.18.0.2 first on b, then on c too.
 */
import test from 'ava';
import type { Container } from '../lab/container.ts';
import { ping } from '../lab/ping.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { EndpointReport, ExplainedNetwork, ExplainReport, StatusReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { addAttached, addWeftVm, attachPair, startPair, waitForPeer } from './overlay.ts';

async function explain(vm: Vm, mac: string): Promise<ExplainedNetwork | undefined> {
  const { stdout } = await vm.weft(['fdb', '--explain', mac, '--json']);
  return (JSON.parse(stdout) as ExplainReport).networks[0];
}

/** Waits until `vm` sees this node as the winner, and frames go there. */
async function waitForWinner(vm: Vm, mac: string, owner: string): Promise<ExplainedNetwork> {
  return await waitFor(
    async () => {
      const known = await explain(vm, mac);
      const winner = known?.claims.find(({ standing }) => standing === 'winner');
      return winner?.owner === owner && winner.dataplane === 'used' ? known : undefined;
    },
    { what: `${vm.name} to send to ${owner}` },
  );
}

test('where a container is, and why: on one VM, then on two, frozen, and released', async t => {
  t.timeout(300_000);
  await inLab(t, 'explain', async lab => {
    const pair = await startPair(lab);
    const { a, b } = pair;
    const c = await addWeftVm(lab, 3);
    await Promise.all([waitForPeer(a, 'c', 'alive'), waitForPeer(b, 'c', 'alive')]);
    const { c2 } = await attachPair(pair);
    const { address: mac } = await c2.link('eth0');

    const first = await waitForWinner(a, mac, 'b');
    t.like(first.entry, { where: 'remote', vtep: '192.0.2.2', origin: 'gossip' });
    t.like(first.claims, [{ owner: 'b', mobility: 0, rule: null, addresses: ['198.18.0.2'] }]);
    t.regex(first.conclusion, /^Frames to it go to b at VTEP 192\.0\.2\.2, whose claim wins: no other node/);
    const rows = (await a.weftJson<EndpointReport[]>('endpoints')).map(row => [row.where, row.owner]);
    t.deepEqual(rows, [
      ['local', 'a'],
      ['remote', 'b'],
    ]);

    const twin = await addAttached(c, 'twin', { addresses: ['198.18.0.2/24'] });
    const moved = await waitForWinner(a, mac, 'c');
    t.like(moved.claims, [
      { owner: 'c', mobility: 1, rule: 'mobility' },
      { owner: 'b', mobility: 0, rule: 'mobility', standing: 'outranked' },
    ]);
    t.is(moved.contested_moves, 1);

    // Both send: they take it from each other until one of the nodes holds it.
    const send = async (container: Container) => {
      await ping(container, '198.18.0.1', { count: 1, waitS: 0.2 });
    };
    const frozen = await waitFor(
      async () => {
        await Promise.all([send(c2), send(twin)]);
        const winner = (await explain(a, mac))?.claims[0];
        return winner?.frozen === true ? winner : undefined;
      },
      { what: 'the address to be frozen', timeoutMs: 120_000, intervalMs: 300 },
    );
    t.is(frozen.rule, 'frozen');
    const [holder, other] = frozen.owner === 'b' ? [b, c] : [c, b];
    const release = ['release', mac, '--network', 'blue'];
    for (const vm of [a, other]) {
      const refused = await vm.weft(release, { check: false });
      t.is(refused.code, 1);
      t.true(
        refused.stderr.startsWith(`weft: ${mac} is frozen by ${holder.name}, not by this node; run there: `),
      );
    }

    const loser = holder === b ? twin : c2;
    await other.weft(['detach', loser.netns, '--network', 'blue']);
    t.is((await holder.weft(release)).stdout, `released ${mac} in blue: it may move again\n`);
    await waitFor(async () => (await explain(a, mac))?.claims[0]?.frozen === false, {
      what: 'a to hear of it',
    });
    t.regex((await holder.weft(release)).stdout, /is not frozen in blue: nothing to release/);
    const { claims } = await a.weftJson<StatusReport>('status');
    t.true(claims.installed >= 1 && claims.usable_ms.count >= 1, JSON.stringify(claims));

    const unknown = await a.weft(['fdb', '--explain', '02:00:5e:10:00:77'], { check: false });
    t.is(unknown.code, 1);
    t.regex(
      unknown.stderr,
      /^weft: nothing is known of 02:00:5e:10:00:77 in any network of this node; compare/,
    );
  });
});
