/**
 * container ── routes ── wg0 ~ wireguard-go ~ eth0 ══ switch ══ ...: IP packets in ChaCha20-Poly1305. It has no mode
 * without encryption.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../daemon/lab/lab.ts';
import type { LabProcess } from '../../daemon/lab/lab-process.ts';
import { runCommand } from '../../daemon/lab/run-command.ts';
import type { Path, Subject } from './subject.ts';
import { IPV4_UDP, routed, type Side, twoMachines, waitForLink } from './two-machines.ts';

const PORT = 51_820;
const DEVICE = 'wg0';
/** Type, receiver, counter and authentication tag of a transport message (wireguard.com/protocol). */
const HEADER = 32;
/**
 * Control sockets have a fixed place, /run/wireguard. `ip netns exec` gives each command mounts of its own: an empty /run
 * over it keeps the two daemons, and the machine's own, apart.
 */
const START = 'mount -t tmpfs none /run && mkdir /run/wireguard && exec wireguard-go --foreground wg0';

export class WireguardGo implements Subject {
  readonly name = 'wireguard-go';
  readonly meaning = 'IP packets over wireguard-go; always encrypted (ChaCha20-Poly1305)';
  readonly programs = ['wireguard-go', 'wg', 'nsenter'];
  readonly version = ['wireguard-go', '--version'] as const;

  async build(lab: Lab): Promise<Path> {
    const machines = await twoMachines(lab);
    const { near, far } = machines;
    const [nearKey, farKey] = [await makeKey(), await makeKey()];
    const daemons = [
      await start(near, far, nearKey.secret, farKey.open),
      await start(far, near, farKey.secret, nearKey.open),
    ];
    const address = await routed(machines, DEVICE, { mtu: lab.mtu - IPV4_UDP - HEADER });
    return { client: near.container, server: far.container, address, daemons };
  }
}

async function makeKey(): Promise<{ secret: string; open: string }> {
  const secret = (await runCommand('wg', ['genkey'])).stdout.trim();
  const open = (await runCommand('wg', ['pubkey'], { input: secret })).stdout.trim();
  return { secret, open };
}

async function start(side: Side, other: Side, secret: string, peer: string): Promise<LabProcess> {
  const { vm } = side;
  const config = join(vm.directory, 'wg.conf');
  const lines = [
    '[Interface]',
    `PrivateKey = ${secret}`,
    `ListenPort = ${PORT}`,
    '[Peer]',
    `PublicKey = ${peer}`,
  ];
  lines.push(`Endpoint = ${other.vm.underlay}:${PORT}`, 'AllowedIPs = 0.0.0.0/0');
  writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  const daemon = vm.spawn('sh', ['-e', '-c', START]);
  await waitForLink(vm, DEVICE);
  await runCommand('nsenter', [
    '--mount',
    '--net',
    '--target',
    `${daemon.pid}`,
    'wg',
    'setconf',
    DEVICE,
    config,
  ]);
  return daemon;
}
