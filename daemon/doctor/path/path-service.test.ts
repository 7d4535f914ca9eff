import test, { type ExecutionContext } from 'ava';
import type { GossipMember } from '../../../control/events.ts';
import { weftTags } from '../../../control/tags.ts';
import { parseIp, type Vni, type VtepAddress } from '../../../dataplane/address.ts';
import { systemClock } from '../../../dataplane/clock.ts';
import type { DataplaneCommands } from '../../../dataplane/dataplane.ts';
import { PROBE_QUESTION } from '../../../dataplane/headers/probe.ts';
import type { ProbeSend } from '../../../dataplane/probe-port.ts';
import { encodeQuestion } from './control-message.ts';
import { PathService } from './path-service.ts';

const [A, B] = [parseIp('127.0.0.1') as VtepAddress, parseIp('127.0.0.2') as VtepAddress];
/** Nobody listens there (RFC 863): TCP is refused at once. */
const PORT = 9;
const TOKEN = '00112233445566778899aabbccddeeff';

function memberOf(name: string, address: VtepAddress): GossipMember {
  return {
    name,
    address,
    port: PORT,
    state: 'alive',
    incarnation: 1,
    tags: weftTags({ vtep: address, port: 4789, vnis: [42 as Vni] }),
    lastSeen: 0,
    contact: { health: 'good', rtt: 1, lastTwoWay: 0 },
  };
}

/** Two services, whose datagrams and probes reach each other unless `passes` says no. */
function pair(t: ExecutionContext, passes: (from: string, what: 'gossip' | 'vxlan') => boolean = () => true) {
  const services = new Map<string, PathService>();
  const tokens = new Map<string, readonly string[]>();
  const probes: (ProbeSend & { readonly from: string })[] = [];
  const datagrams: { readonly from: string; readonly bytes: Uint8Array }[] = [];
  const make = (name: string, address: VtepAddress, other: string): PathService => {
    const deliver = (probe: ProbeSend): number => {
      probes.push({ ...probe, from: name });
      const text = Buffer.from(probe.token).toString('hex');
      if (passes(name, 'vxlan') && tokens.get(other)?.includes(text) === true) {
        services.get(other)?.onProbe({ ...probe, address, port: 50_000 });
      }
      return 0;
    };
    const dataplane = {
      async run(command: keyof DataplaneCommands, args: unknown) {
        if (command === 'sendProbe') return deliver(args as ProbeSend);
        const set = (args as DataplaneCommands['setProbes']).tokens;
        tokens.set(
          name,
          set.map(token => Buffer.from(token).toString('hex')),
        );
        return undefined;
      },
    };
    const gossip = {
      members: () => [memberOf('a', A), memberOf('b', B)].filter(member => member.name !== name),
      sendHint: (_: unknown, bytes: Uint8Array) => {
        datagrams.push({ from: name, bytes });
        if (passes(name, 'gossip')) hooks.get(other)?.takeHint(name, bytes);
      },
    };
    const service = new PathService(
      { clock: systemClock, keyring: undefined, dataplane: dataplane as never, gossip: () => gossip },
      { vtep: { address, port: 4789 }, networks: () => [{ mtu: 1450, vni: 42 }] },
    );
    services.set(name, service);
    t.teardown(() => service.stop());
    return service;
  };
  const a = make('a', A, 'b');
  const b = make('b', B, 'a');
  const nobody = { takeLink: () => t.fail('a link for somebody else'), takeHint: () => {} };
  const hooks = new Map([
    ['a', a.hooks(nobody)],
    ['b', b.hooks(nobody)],
  ]);
  return { a, b, hooks, probes, datagrams, tokens };
}

test('a session is opened over gossip, and its probes come back', async t => {
  const { a, probes } = pair(t);
  const opening = await a.openPath({ peer: 'b' });
  t.like(opening, {
    peer: 'b',
    address: B,
    gossip: { udp: { answered: true, arrived: true }, tcp: { answered: false, failure: 'ECONNREFUSED' } },
    needed_bytes: 1500,
  });
  t.true(Math.abs(opening.clock_ms ?? 9999) < 500);
  const token = opening.session?.token ?? '';
  t.deepEqual(await a.sendProbes({ token, probes: [{ number: 0, bytes: 1500 }] }), { errnos: [0] });
  const look = await a.lookAtProbes({ token, numbers: [0], wait_ms: 1000 });
  t.like(look, { answered: [0], arrived: [0], seen_from: [[A, 50_000]], answered_from: [B] });
  t.deepEqual(
    probes.map(({ from, to, length }) => [from, to, length]),
    [
      ['a', B, 1464],
      ['b', A, 1464],
    ],
    'the answer is as long as the question, and goes to the member',
  );
});

test('what gets there and not back is told apart from what does not get there', async t => {
  let blocked = 'b';
  const { a } = pair(t, (from, what) => what === 'gossip' || from !== blocked);
  const look = async () => {
    const { session } = await a.openPath({ peer: 'b' });
    const token = session?.token ?? '';
    await a.sendProbes({ token, probes: [{ number: 5, bytes: 200 }] });
    return await a.lookAtProbes({ token, numbers: [5], wait_ms: 20 });
  };
  t.like(await look(), { answered: [], arrived: [5] });
  blocked = 'a';
  t.like(await look(), { answered: [], arrived: [] });
});

test('a probe is answered once, and nothing is answered without a session of a member', async t => {
  const { a, b, hooks, probes, tokens } = pair(t);
  const question = { kind: PROBE_QUESTION, number: 1, length: 100, address: A, port: 1 } as const;
  b.onProbe({ ...question, token: Buffer.from(TOKEN, 'hex') });
  t.deepEqual(probes, []);
  // A stranger may ask for a session: nobody of that name is a member.
  hooks.get('b')?.takeHint('stranger', encodeQuestion({ id: '1', token: TOKEN, op: 'open', port: 53 }));
  t.is(tokens.get('b'), undefined);

  const { session } = await a.openPath({ peer: 'b' });
  const token = Buffer.from(session?.token ?? '', 'hex');
  for (let i = 0; i < 10; i++) b.onProbe({ ...question, token });
  t.is(probes.length, 1);
  t.is(probes[0]?.to, A, 'wherever it came from, it goes to the member');
  // Somebody sends our own question back to us.
  a.onProbe({ ...question, number: 2, token });
  t.deepEqual((await a.lookAtProbes({ token: session?.token ?? '', numbers: [], wait_ms: 0 })).answered, [1]);
});

test('no answer is longer than its question', async t => {
  const { a, datagrams } = pair(t);
  await a.openPath({ peer: 'b' });
  const questions = datagrams.filter(({ from }) => from === 'a');
  const answers = datagrams.filter(({ from }) => from === 'b');
  t.true(answers.length > 0);
  for (const { bytes } of answers) t.true(bytes.length <= (questions[0]?.bytes.length ?? 0));
});

test('a member that opens many sessions keeps the newest few, and the token of another is refused', async t => {
  const { a, b, hooks, tokens, datagrams } = pair(t);
  for (let i = 0; i < 10; i++) await a.openPath({ peer: 'b' });
  t.is(tokens.get('b')?.length, 4);
  const before = datagrams.filter(({ from }) => from === 'b').length;
  const { session } = await b.openPath({ peer: 'a' });
  // `b` has it open itself: nobody else may take it for his.
  hooks.get('b')?.takeHint('a', encodeQuestion({ id: '1', token: session?.token ?? '', op: 'look' }));
  await systemClockTick();
  t.is(datagrams.filter(({ from }) => from === 'b').length, before + 1, 'only its own question');
});

test('who is not in the pool cannot be asked', async t => {
  const { a } = pair(t);
  await t.throwsAsync(a.openPath({ peer: 'nobody' }), { message: 'there is no node nobody in the pool' });
  await t.throwsAsync(a.sendProbes({ token: TOKEN, probes: [] }), {
    message: 'there is no such session of probes',
  });
});

function systemClockTick(): Promise<void> {
  return new Promise(resolve => {
    systemClock.after(50, resolve);
  });
}
