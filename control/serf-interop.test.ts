/** The independent judge: Debian's serf agent (memberlist 0.2.2, in Go) in one pool with weft. */
import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type IpAddress, parseIp, parseVni } from '../dataplane/address.ts';
import { delay, systemClock } from '../dataplane/clock.ts';
import { Gossip } from './gossip.ts';
import { systemRandom } from './random.ts';
import { weftTags } from './tags.ts';

const run = promisify(execFile);
const SERF = parseIp('127.0.0.1');
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

interface SerfMember {
  readonly name: string;
  readonly addr: string;
  readonly status: 'alive' | 'leaving' | 'left' | 'failed';
  readonly tags: { readonly vnis?: string; readonly [key: string]: string | undefined };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, SERF, resolve));
  const address = server.address();
  await new Promise<void>(resolve => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** An agent of its own on loopback. Its log is part of a failure's message. */
async function startSerf(t: ExecutionContext, name: string) {
  const [port, rpcPort] = [await freePort(), await freePort()];
  const rpc = `-rpc-addr=${SERF}:${rpcPort}`;
  const agent = spawn(
    'serf',
    ['agent', `-node=${name}`, `-bind=${SERF}:${port}`, rpc, '-tag', 'role=judge', '-log-level=debug'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = new Promise<void>((resolve, reject) => {
    agent.on('exit', () => resolve());
    agent.on('error', reject);
  });
  let output = '';
  for (const stream of [agent.stdout, agent.stderr]) stream.on('data', chunk => (output += String(chunk)));
  t.teardown(async () => {
    agent.kill('SIGKILL');
    await ended;
    t.log(
      output
        .split('\n')
        .filter(line => /WARN|ERR|panic/.test(line))
        .slice(0, 20)
        .join('\n'),
    );
  });
  const ready = until(
    () => output.includes('Serf agent starting') || output.includes('agent: Serf agent'),
    10_000,
  );
  t.true(await Promise.race([ready, ended.then(() => false)]), output);
  const members = async (): Promise<readonly SerfMember[]> => {
    const { stdout } = await run('serf', ['members', rpc, '-format=json']).catch(() => ({
      stdout: '{"members":[]}',
    }));
    return (JSON.parse(stdout) as { members: readonly SerfMember[] }).members;
  };
  return {
    agent,
    port,
    output: () => output,
    member: async (of: string) => (await members()).find(member => member.name === of),
    serf: (...args: readonly string[]) => run('serf', [args[0] ?? '', rpc, ...args.slice(1)]),
  };
}

async function startWeft(
  t: ExecutionContext,
  name: string,
  address: IpAddress,
  join: readonly string[],
  port = 0,
) {
  const tags = weftTags({ vtep: parseIp('192.0.2.1'), port: 4789, vnis: [parseVni(42)] });
  const gossip = new Gossip(
    { clock: systemClock, random: systemRandom, log },
    { name, address, port, join, tags },
  );
  t.teardown(() => gossip.close());
  await gossip.start();
  return gossip;
}

async function until(condition: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  for (const end = systemClock.now() + ms; systemClock.now() < end; ) {
    if (await condition()) return true;
    await delay(systemClock, 50);
  }
  return condition();
}

const stateOf = (gossip: Gossip, name: string) =>
  gossip.members().find(member => member.name === name)?.state;

test('serf: weft joins an agent; each lists the other alive with its tags; a leave is known at once; a restart is alive', async t => {
  const judge = await startSerf(t, 'judge');
  const first = await startWeft(t, 'weft-a', parseIp('127.0.0.2'), [`${SERF}:${judge.port}`]);
  t.true(await until(() => stateOf(first, 'judge') === 'alive', 5000), 'weft sees serf');
  t.true(await until(async () => (await judge.member('weft-a'))?.status === 'alive', 5000), judge.output());
  t.is(first.members()[0]?.tags.get('role'), 'judge');
  t.deepEqual((await judge.member('weft-a'))?.tags, {
    role: 'weft',
    vtep: '192.0.2.1',
    port: '4789',
    vnis: '42',
  });

  const second = await startWeft(t, 'weft-b', parseIp('127.0.0.3'), [`127.0.0.2:${first.self()?.port}`]);
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
  // memberlist takes the farewell at once; serf calls it "left" only after an intent of its own layer, which weft has not.
  t.true(await until(async () => (await judge.member('weft-b'))?.status === 'failed', 1500), judge.output());
  t.is(stateOf(first, 'weft-b'), 'left');
  await startWeft(t, 'weft-b', parseIp('127.0.0.3'), [`${SERF}:${judge.port}`], port);
  t.true(await until(async () => (await judge.member('weft-b'))?.status === 'alive', 5000), judge.output());
  t.is(stateOf(first, 'judge'), 'alive');
  t.notRegex(judge.output(), /panic|incompatible|Failed to decode/);
});

test('serf: each notices that the other one died, and serf joining weft is seen', async t => {
  const judge = await startSerf(t, 'judge');
  const weft = await startWeft(t, 'weft-a', parseIp('127.0.0.4'), []);
  const doomed = await startWeft(t, 'weft-b', parseIp('127.0.0.5'), [`127.0.0.4:${weft.self()?.port}`]);
  await judge.serf('join', `127.0.0.4:${weft.self()?.port}`);
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
