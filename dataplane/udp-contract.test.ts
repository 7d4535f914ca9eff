/**
 * The port contract on the real kernel: both ports on the loopback device of a namespace, whose MTU is that of an
 * Ethernet. Sockets belong to the namespace of their thread, so this file runs itself in one: outside there is one test,
 * which runs ava on this same file inside.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parseIp } from './address.ts';
import { Arena } from './arena.ts';
import { delay, systemClock } from './clock.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import type { BatchHandler } from './ports.ts';
import { udpPortContract } from './testing/port-contract.ts';
import { SCRATCH_SIZE } from './testing/port-probe.ts';
import { NativeUdpPort } from './udp.ts';

const INSIDE = 'WEFT_UDP_CONTRACT_INSIDE';
const MTU = 1500;
const PORT = 4789;
/** What was sent on the loopback device is with the other socket when the call returns; so it is read by then. */
const SETTLE_MS = 50;

const PAIRS = [
  ['192.0.2.1', '192.0.2.2'],
  ['2001:db8::1', '2001:db8::2'],
] as const;

function registerContract(gro: boolean, [addressOfA, addressOfB]: readonly [string, string]): void {
  udpPortContract(`NativeUdpPort, ${addressOfA}, UDP_GRO ${gro ? 'on' : 'off'}`, async handlers => {
    const arena = new Arena({ scratchSize: SCRATCH_SIZE });
    const open = (address: string, onFrames: BatchHandler): NativeUdpPort => {
      const onLost = (errno: number) => {
        throw new Error(`the socket was lost: ${errno}`);
      };
      return new NativeUdpPort(
        { arena },
        // Merged frames lie in pieces, which the contract does not read: what merging does is native/coalesce.test.ts.
        {
          address: parseIp(address),
          port: PORT,
          sourceSockets: 4,
          gro,
          coalesceTcp: false,
          coalesceUdp: false,
        },
        { onFrames, onLost },
      );
    };
    const a = open(addressOfA, handlers.a);
    const b = open(addressOfB, handlers.b);
    const stranger = createSocket(addressOfB.includes(':') ? 'udp6' : 'udp4');
    return {
      a,
      b,
      addressOfA: parseIp(addressOfA),
      addressOfB: parseIp(addressOfB),
      port: PORT,
      mtu: MTU,
      arena: arena.memory,
      scratch: arena.scratchOffset,
      sendRawToB: bytes =>
        new Promise((resolve, reject) => {
          stranger.send(bytes, PORT, addressOfB, error => (error ? reject(error) : resolve()));
        }),
      settle: () => delay(systemClock, SETTLE_MS),
      close: async () => {
        a.close();
        b.close();
        await new Promise<void>(resolve => stranger.close(resolve));
      },
    };
  });
}

function runInside(namespace: string): { readonly status: number | null; readonly output: string } {
  const ava = fileURLToPath(new URL('../../node_modules/ava/entrypoints/cli.mjs', import.meta.url));
  const file = fileURLToPath(import.meta.url);
  const { status, stdout, stderr } = spawnSync(
    'ip',
    ['netns', 'exec', namespace, process.execPath, ava, '--tap', file],
    { encoding: 'utf8', env: { ...process.env, [INSIDE]: '1' }, timeout: 110_000 },
  );
  return { status, output: `${stdout}${stderr}` };
}

if (process.env[INSIDE] === undefined) {
  test('the port contract holds for the real UDP port, over IPv4 and IPv6, with UDP_GRO and without', t => {
    const { name } = makeNamespace(t);
    ip('netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.lo.disable_ipv6=0');
    ip('-n', name, 'link', 'set', 'dev', 'lo', 'mtu', String(MTU), 'up');
    for (const address of PAIRS.flat()) ip('-n', name, 'address', 'add', address, 'dev', 'lo');
    const { status, output } = runInside(name);
    t.is(status, 0, output);
    const passed = output.split('\n').filter(line => line.startsWith('ok '));
    t.true(passed.length >= 4 * 10, `${passed.length} tests ran:\n${output}`);
  });
} else {
  for (const gro of [false, true]) for (const pair of PAIRS) registerContract(gro, pair);
}
