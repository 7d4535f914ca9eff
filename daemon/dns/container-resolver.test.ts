import { statSync } from 'node:fs';
import test from 'ava';
import { Budget } from '../../control/budget.ts';
import { parseVni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { ContainerResolver } from './container-resolver.ts';
import { DnsCounters } from './dns-counters.ts';
import type { ResolverSocketsHandlers } from './resolver-sockets.ts';

const BLUE = { name: 'blue', vni: parseVni(42), subnets: [] };
const QUERY = Buffer.from('query');

/** A resolver in our own namespace, with sockets that are only remembered. */
interface FakeSockets {
  opened: number;
  open: number;
  refusal: WeftError | undefined;
  handlers: ResolverSocketsHandlers | undefined;
}

interface RigOptions {
  readonly refusal?: WeftError;
  /** Queries at one time of all containers. */
  readonly nodeBurst?: number;
}

function rig({ refusal, nodeBurst = 8_000 }: RigOptions = {}) {
  const path = '/proc/self/ns/net';
  const clock = new ManualClock();
  const budget = new Budget({ clock }, { perSecond: 4_000, burst: nodeBurst });
  const counters = new DnsCounters();
  const { log, lines } = memoryLog();
  const sockets: FakeSockets = { opened: 0, open: 0, refusal, handlers: undefined };
  const asked: { readonly networks: readonly string[] }[] = [];
  const resolver = new ContainerResolver(
    {
      clock,
      log,
      counters,
      budget,
      responder: {
        answer: async (query, { networks }) => {
          asked.push({ networks: networks.map(({ name }) => name) });
          if (query.toString() === 'defect') throw new TypeError('nobody has thought of it');
          return Buffer.from('answer');
        },
      },
      openSockets: async (_, handlers) => {
        if (sockets.refusal !== undefined) throw sockets.refusal;
        sockets.opened += 1;
        sockets.open += 1;
        sockets.handlers = handlers;
        return { close: () => (sockets.open -= 1) };
      },
    },
    { name: 'c1', path, inode: statSync(path).ino },
  );
  const ask = async (query = QUERY) => await sockets.handlers?.onQuery(query, 'udp');
  return { resolver, clock, counters, lines, sockets, ask, asked };
}

/** Lets what is under way come to its end. */
async function settle(resolver: ContainerResolver): Promise<void> {
  await resolver.open();
}

test('it answers by the networks of the container, as they come and go', async t => {
  const { resolver, sockets, ask, asked } = rig();
  resolver.add('wv1', BLUE);
  resolver.add('wv2', { ...BLUE, name: 'green' });
  await Promise.all([resolver.open(), resolver.open()]);
  t.is(sockets.opened, 1);
  t.is(resolver.state, 'serving');
  t.is((await ask())?.toString(), 'answer');
  resolver.remove('wv1');
  await ask();
  t.deepEqual(asked, [{ networks: ['blue', 'green'] }, { networks: ['green'] }]);
  t.false(resolver.isIdle);
  resolver.remove('wv2');
  t.true(resolver.isIdle);
  resolver.close();
  t.is(sockets.open, 0);
});

test('who asks too often is not listened to for a second', async t => {
  const { resolver, clock, counters, sockets, ask, asked } = rig();
  await resolver.open();
  for (let i = 0; i < 2_000; i++) await ask();
  t.is(asked.length, 2_000);
  t.is(await ask(), undefined);
  t.is(await ask(), undefined, 'what was read already');
  t.is(resolver.state, 'paused');
  t.is(sockets.open, 0);
  t.deepEqual(counters.drops, { paused: 1 });
  clock.advance(1_000);
  await settle(resolver);
  t.is(resolver.state, 'serving');
  for (let i = 0; i < 950; i++) t.not(await ask(), undefined);
  t.is(sockets.open, 1);
});

test('where all together ask too much, who asks little is answered, and who asks much is not', async t => {
  const { resolver, counters, ask } = rig({ nodeBurst: 0 });
  await resolver.open();
  for (let i = 0; i < 1_000; i++) t.not(await ask(), undefined);
  t.is(resolver.state, 'serving');
  t.is(await ask(), undefined);
  t.is(resolver.state, 'paused');
  t.deepEqual(counters.drops, { paused: 1 });
});

test('a port that is taken is tried again, and told of once', async t => {
  const { resolver, clock, lines, sockets } = rig({ refusal: new WeftError('conflict', 'address in use') });
  await resolver.open();
  t.is(resolver.state, 'taken');
  for (const _ of [1, 2]) {
    clock.advance(10_000);
    await settle(resolver);
  }
  const warnings = () => lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
  t.deepEqual(warnings(), ['names cannot be answered inside a namespace']);
  sockets.refusal = undefined;
  clock.advance(10_000);
  await settle(resolver);
  t.is(resolver.state, 'serving');
});

test('sockets that somebody in there destroys are opened again', async t => {
  const { resolver, clock, sockets } = rig();
  await resolver.open();
  sockets.handlers?.onLost(new Error('ECONNABORTED'));
  t.is(resolver.state, 'failed');
  clock.advance(10_000);
  await settle(resolver);
  t.deepEqual([resolver.state, sockets.opened], ['serving', 2]);
});

test('a query that meets a defect is not answered, and ends nothing', async t => {
  const { resolver, lines, ask } = rig();
  await resolver.open();
  t.is(await ask(Buffer.from('defect')), undefined);
  t.like(lines.at(-1), { level: 'error', msg: 'a query met a defect', component: 'dns' });
  t.not(await ask(), undefined);
});

test('one that was closed while it was opened is closed', async t => {
  const { resolver, sockets, clock } = rig();
  const opening = resolver.open();
  resolver.close();
  await opening;
  t.is(sockets.open, 0);
  clock.advance(60_000);
  await settle(resolver);
  t.is(sockets.open, 0);
});
