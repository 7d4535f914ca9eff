import test, { type ExecutionContext } from 'ava';
import { DEFAULT_LEASE, FOUNDING_WAIT } from '../../control/ipam/limits.ts';
import { seededRandom } from '../../control/random.ts';
import type { Post } from '../../control/records/board.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { parseConfig } from '../config/load.ts';
import { waitFor } from '../lab/wait-for.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { IpamService } from './ipam-service.ts';
import { type ManagedNetwork, managedNetwork } from './managed-network.ts';

const BLUE = blue();

function blue(): ManagedNetwork {
  const networks = [{ name: 'blue', vni: 42, subnet: '198.18.0.0/24', ipam: { founders: ['a'] } }];
  const [network] = parseConfig(JSON.stringify({ node: { name: 'a' }, networks }), 'weft.yaml').networks;
  const managed = network && managedNetwork(network);
  if (managed === undefined) throw new Error('unreachable: it has ipam');
  return managed;
}

/** Of node `a`, which founds blue alone, and has. */
async function rig(t: ExecutionContext) {
  const clock = new ManualClock();
  const posts = new Map<string, Post>();
  const networks = [BLUE];
  const changed: string[] = [];
  const { log, lines } = memoryLog();
  const service = new IpamService(
    {
      clock,
      random: seededRandom(1),
      log,
      board: {
        post: (key, body) => {
          if (body === undefined) posts.delete(key);
          else posts.set(key, { origin: 'a', key, body });
        },
        posts: () => posts.values(),
      },
      liveness: { silentFor: () => Number.POSITIVE_INFINITY, lastTwoWay: () => null },
      alive: { isFresh: () => false, start: () => {}, stop: () => {} },
      networks: () => networks,
      isRemoved: () => false,
    },
    { self: 'a', stateDirectory: await tempDirectory(t), onChange: network => changed.push(network) },
  );
  t.teardown(() => service.stop());
  service.start();
  /** Time passes, at twice its pace, until it is so. */
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    const passed = (): boolean => {
      clock.advance(10);
      return condition();
    };
    await waitFor(passed, { what, intervalMs: 5 });
  };
  const take = async (owner: string): Promise<readonly string[]> => {
    let taken: readonly string[] | undefined;
    const taking = service.take('blue', owner, ['auto']).then(addresses => {
      taken = addresses;
    });
    await until(() => taken !== undefined, `an address for ${owner}`);
    await taking;
    return taken ?? [];
  };
  clock.advance(FOUNDING_WAIT);
  await until(() => service.views()[0]?.view.isFenced === false, 'blue to be founded');
  return { clock, posts, networks, changed, lines, service, take, until };
}

test('a network that nobody has addresses of is left at once', async t => {
  const { networks, posts, service } = await rig(t);
  t.not(posts.size, 0);
  networks.pop();
  service.leave(BLUE.id);
  t.deepEqual(service.views(), []);
  t.is(posts.size, 0);
});

test('one that containers have addresses of is left when the last was given back', async t => {
  const { networks, posts, service, take } = await rig(t);
  for (const owner of ['c1', 'c2']) await take(owner);
  networks.pop();
  service.leave(BLUE.id);
  await t.throwsAsync(service.take('blue', 'c3', ['auto']), { message: /does not give addresses itself/ });
  t.deepEqual(
    ['c1', 'c2', 'c3'].map(owner => service.isUsable('blue', owner)),
    [true, true, false],
  );
  await service.release('blue', 'c1');
  t.is(service.views()[0]?.view.spaces[0]?.used, 1);
  await service.release('blue', 'c2');
  t.deepEqual(service.views(), []);
  t.is(posts.size, 0);
});

test('what was left with addresses in use is watched, and goes on when it comes back', async t => {
  const { changed, clock, lines, networks, service, take, until } = await rig(t);
  const addresses = await take('c1');
  networks.pop();
  service.leave(BLUE.id);
  changed.length = 0;
  clock.suspend(DEFAULT_LEASE);
  await until(() => changed.length > 0, 'the suspension to be seen');
  t.true(lines.some(({ msg }) => msg === 'the addresses of this node may not be used'));
  await until(() => service.isUsable('blue', 'c1'), 'a confirmation');

  networks.push(BLUE);
  service.resume(BLUE);
  await service.release('blue', 'nobody');
  t.is(service.views().length, 1);
  t.deepEqual(await take('c1'), addresses);
  await service.release('blue', 'c1');
  t.is(service.views().length, 1);
});
