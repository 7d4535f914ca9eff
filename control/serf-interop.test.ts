/** The independent judge: Debian's serf agent (memberlist 0.2.2, in Go) in one pool with weft. */
import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import type { Gossip } from './gossip.ts';
import { gossipKey, keyText } from './gossip-key.ts';
import { Keyring } from './keyring.ts';
import { endpointOf, startWeft, stateOf, until } from './testing/real-pool.ts';
import { startSerf } from './testing/serf-agent.ts';

test('serf: weft joins an agent; each lists the other alive with its tags; a leave is known at once; a restart is alive', async t => {
  const judge = await startSerf(t, 'judge');
  const first = await startWeft(t, 'weft-a', parseIp('127.0.0.2'), { join: [judge.endpoint] });
  t.true(await until(() => stateOf(first, 'judge') === 'alive', 5000), 'weft sees serf');
  t.true(await until(async () => (await judge.member('weft-a'))?.status === 'alive', 5000), judge.output());
  t.is(first.members()[0]?.tags.get('role'), 'judge');
  t.deepEqual((await judge.member('weft-a'))?.tags, {
    role: 'weft',
    vtep: '192.0.2.1',
    port: '4789',
    vnis: '42',
  });

  const second = await startWeft(t, 'weft-b', parseIp('127.0.0.3'), { join: [endpointOf(first)] });
  t.true(
    await until(async () => (await judge.member('weft-b'))?.status === 'alive', 5000),
    'serf learns of the third by gossip',
  );
  t.true(await until(() => stateOf(second, 'judge') === 'alive', 5000));

  second.setTags(new Map([['vnis', '42,50-60']]));
  t.true(
    await until(async () => (await judge.member('weft-b'))?.tags.vnis === '42,50-60', 5000),
    'new tags reach serf',
  );
  await judge.serf('tags', '-set', 'zone=north');
  t.true(
    await until(() => second.members().some(({ tags }) => tags.get('zone') === 'north'), 5000),
    'and come from it',
  );

  const port = second.self()?.port ?? 0;
  await second.leave();
  await second.close();
  t.true(await until(async () => (await judge.member('weft-b'))?.status === 'left', 1500), judge.output());
  t.is(stateOf(first, 'weft-b'), 'left');
  await startWeft(t, 'weft-b', parseIp('127.0.0.3'), { join: [judge.endpoint], port });
  t.true(await until(async () => (await judge.member('weft-b'))?.status === 'alive', 5000), judge.output());
  t.is(stateOf(first, 'judge'), 'alive');
  t.notRegex(judge.output(), /panic|incompatible|Failed to decode/);
});

test('serf: an agent whose name another one has ends, and the first one stays, by the votes of weft nodes', async t => {
  const weft = await startWeft(t, 'weft-a', parseIp('127.0.0.8'));
  const second = await startWeft(t, 'weft-b', parseIp('127.0.0.9'), { join: [endpointOf(weft)] });
  const first = await startSerf(t, 'twin', `-join=${endpointOf(weft)}`);
  t.true(await until(() => stateOf(second, 'twin') === 'alive', 5000));
  const late = await startSerf(t, 'twin', `-join=${endpointOf(weft)}`);
  t.true(await until(() => late.agent.exitCode !== null, 30_000), late.output());
  t.is(first.agent.exitCode, null, first.output());
  t.is(weft.members().find(({ name }) => name === 'twin')?.port, first.port);
});

test('serf: each notices that the other one died, and serf joining weft is seen', async t => {
  const judge = await startSerf(t, 'judge');
  const weft = await startWeft(t, 'weft-a', parseIp('127.0.0.4'));
  const doomed = await startWeft(t, 'weft-b', parseIp('127.0.0.5'), { join: [endpointOf(weft)] });
  await judge.serf('join', endpointOf(weft));
  t.true(await until(() => stateOf(weft, 'judge') === 'alive', 5000), 'weft sees who joined it');
  t.true(await until(async () => (await judge.member('weft-b'))?.status === 'alive', 5000), judge.output());
  await doomed.close();
  t.true(
    await until(async () => (await judge.member('weft-b'))?.status === 'failed', 20_000),
    judge.output(),
  );
  t.true(await until(() => stateOf(weft, 'weft-b') === 'dead', 5000));
  t.is(stateOf(weft, 'judge'), 'alive');
  judge.agent.kill('SIGKILL');
  t.true(await until(() => stateOf(weft, 'judge') === 'dead', 20_000));
  t.notRegex(judge.output(), /panic|incompatible|Failed to decode/);
});

for (const bytes of [16, 32]) {
  test(`serf: with a key of ${bytes} bytes each lists the other alive, and who has another key or none is nobody`, async t => {
    const key = gossipKey(new Uint8Array(bytes).fill(bytes));
    const keyring = new Keyring([key]);
    const judge = await startSerf(t, 'judge', `-encrypt=${keyText(key)}`);
    const loopback = (last: number) => parseIp(`127.0.${bytes}.${last}`);
    const weft = await startWeft(t, 'weft-a', loopback(1), { keyring, join: [judge.endpoint] });
    const second = await startWeft(t, 'weft-b', loopback(2), { keyring, join: [endpointOf(weft)] });
    const other = new Keyring([gossipKey(new Uint8Array(bytes).fill(99))]);
    const join = [judge.endpoint, endpointOf(weft)];
    const stranger = await startWeft(t, 'stranger', loopback(3), { keyring: other, join });
    const open = await startWeft(t, 'open', loopback(4), { join });
    for (const of of [weft, second]) t.true(await until(() => stateOf(of, 'judge') === 'alive', 5000));
    for (const name of ['weft-a', 'weft-b']) {
      t.true(await until(async () => (await judge.member(name))?.status === 'alive', 5000), judge.output());
    }
    t.true(await until(() => (weft.counters().drops.undecryptable ?? 0) > 0, 5000));
    t.true(await until(() => (weft.counters().drops.plaintext ?? 0) > 0, 5000));
    for (const node of [stranger, open]) t.deepEqual(node.members(), []);
    t.is(weft.members().length, 2);
    t.is((await judge.members()).length, 3);
    t.notRegex(judge.output(), /panic|incompatible|Failed to decode/);
  });
}

test('serf: a key rotation that either side starts ends on both, and nobody is lost by it', async t => {
  const [first, second, third] = [1, 2, 3].map(fill => gossipKey(new Uint8Array(32).fill(fill)));
  if (first === undefined || second === undefined || third === undefined) throw new Error('no keys');
  const rings = [1, 2, 3].map(() => new Keyring([first]));
  const judges: Awaited<ReturnType<typeof startSerf>>[] = [];
  for (const name of ['judge-1', 'judge-2'])
    judges.push(await startSerf(t, name, `-encrypt=${keyText(first)}`));
  const [judge, other] = judges;
  if (judge === undefined || other === undefined) throw new Error('no judges');
  await other.serf('join', judge.endpoint);
  const wefts: Gossip[] = [];
  for (const [index, keyring] of rings.entries()) {
    const address = parseIp(`127.0.0.${20 + index}`);
    wefts.push(await startWeft(t, `weft-${index}`, address, { keyring, join: [judge.endpoint] }));
  }
  const [weft] = wefts;
  const names = ['judge-1', 'judge-2', 'weft-0', 'weft-1', 'weft-2'];
  const agreed = async () => {
    for (const node of wefts) {
      const alive = node.members().filter(({ state }) => state === 'alive');
      if (alive.length !== 4) return false;
    }
    for (const { members } of judges) {
      const alive = (await members()).filter(({ status }) => status === 'alive');
      if (alive.length !== 5) return false;
    }
    return true;
  };
  t.true(await until(agreed, 10_000));

  for (const step of ['-install', '-use']) {
    const { stdout } = await judge.keys(`${step}=${keyText(second)}`);
    t.regex(stdout, /Successfully/, stdout);
  }
  const removal = await judge.keys(`-remove=${keyText(first)}`);
  t.regex(removal.stdout, /Successfully/);
  for (const ring of rings)
    t.deepEqual(
      ring.all(),
      [second].map(key => ring.find(key.fingerprint) ?? key),
    );
  const { stdout: listed } = await judge.keys('-list');
  t.true(listed.includes(keyText(second)) && listed.includes('[5/5]'), listed);

  for (const operation of ['add', 'use', 'remove'] as const) {
    const answers = await weft?.changeKeys(operation, keyText(operation === 'remove' ? second : third));
    t.deepEqual(
      answers?.map(({ node, ok, message }) => `${node} ${ok} ${message}`).toSorted(),
      names.map(name => `${name} true `),
    );
  }
  const answers = await weft?.changeKeys('list');
  t.is(answers?.length, 5);
  for (const { keys, primary, node } of answers ?? [])
    t.deepEqual([keys, primary], [[third.fingerprint], third.fingerprint], node);
  const after = await judge.keys('-list');
  t.true(after.stdout.includes(keyText(third)) && !after.stdout.includes(keyText(second)), after.stdout);
  t.true(await agreed());
  for (const { output } of judges) t.notRegex(output(), /panic|incompatible|Failed to decode/);
});
