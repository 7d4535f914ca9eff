/** Debian's serf agent (memberlist 0.2.2, in Go), run on loopback as a member of a pool and as its judge. */
import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { until } from './real-pool.ts';

const run = promisify(execFile);

export const SERF_ADDRESS = '127.0.0.1';

interface SerfMember {
  readonly name: string;
  readonly addr: string;
  readonly status: 'alive' | 'leaving' | 'left' | 'failed';
  readonly tags: { readonly vnis?: string; readonly [key: string]: string | undefined };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, SERF_ADDRESS, resolve));
  const address = server.address();
  await new Promise<void>(resolve => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** An agent of its own on loopback; `options` are further ones of `serf agent`. Its warnings are in the test's log. */
export async function startSerf(t: ExecutionContext, name: string, ...options: readonly string[]) {
  const [port, rpcPort] = [await freePort(), await freePort()];
  const rpc = `-rpc-addr=${SERF_ADDRESS}:${rpcPort}`;
  const where = [`-node=${name}`, `-bind=${SERF_ADDRESS}:${port}`, rpc, '-tag', 'role=judge'];
  const agent = spawn('serf', ['agent', ...where, '-log-level=debug', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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
    name,
    port,
    endpoint: `${SERF_ADDRESS}:${port}`,
    output: () => output,
    members,
    member: async (of: string) => (await members()).find(member => member.name === of),
    /** Runs a command of serf's against this agent. */
    serf: (...args: readonly string[]) => run('serf', [args[0] ?? '', rpc, ...args.slice(1)]),
    /**
     * Runs `serf keys`, again if a member did not answer in serf's three seconds, as an operator would: who has done it
     * is not changed by it, and a busy machine may keep one from answering.
     */
    async keys(...args: readonly string[]) {
      for (let triesLeft = 3; ; triesLeft--) {
        try {
          return await run('serf', ['keys', rpc, ...args]);
        } catch (error) {
          if (triesLeft === 1) throw error;
        }
      }
    },
  };
}
