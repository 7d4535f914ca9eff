/** container ── bridge ── TAP ~ tincd ~ eth0 ══ switch ══ ...: tinc as a switch, without cipher and digest. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../daemon/lab/lab.ts';
import type { LabProcess } from '../../daemon/lab/lab-process.ts';
import type { Path, Subject } from './subject.ts';
import { bridged, plain, type Side, twoMachines, waitForLink } from './two-machines.ts';

const DEVICE = 'tinc0';
/** Room for tinc's sequence number and the inner Ethernet header; as much as VXLAN takes. */
const OVERHEAD = 50;
/** The handshake authenticates with RSA whatever the data is sent in. */
const RSA_BITS = 2048;

interface Keys {
  readonly secret: string;
  readonly open: string;
}

export class Tinc implements Subject {
  readonly name = 'tinc';
  readonly meaning = 'tinc in switch mode, unencrypted (Cipher and Digest none)';
  readonly programs = ['tincd'];
  readonly version = ['tincd', '--version'] as const;

  async build(lab: Lab): Promise<Path> {
    const { near, far } = await twoMachines(lab);
    const [nearKeys, farKeys] = [makeKeys(), makeKeys()];
    const hosts = [
      { side: near, open: nearKeys.open },
      { side: far, open: farKeys.open },
    ];
    const daemons = [await start(near, far, nearKeys, hosts), await start(far, near, farKeys, hosts)];
    for (const side of [near, far]) await bridged(side, DEVICE, lab.mtu - OVERHEAD);
    return { client: near.container, server: far.container, address: plain(far.address), daemons };
  }
}

function makeKeys(): Keys {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return { secret: pair.privateKey, open: pair.publicKey };
}

async function start(
  side: Side,
  other: Side,
  keys: Keys,
  hosts: readonly { readonly side: Side; readonly open: string }[],
): Promise<LabProcess> {
  const { vm } = side;
  const directory = join(vm.directory, 'tinc');
  mkdirSync(join(directory, 'hosts'), { recursive: true });
  const options = [`Name = ${vm.name}`, 'Mode = switch', 'DeviceType = tap', `Interface = ${DEVICE}`];
  options.push(`ConnectTo = ${other.vm.name}`, 'AddressFamily = ipv4');
  writeFileSync(join(directory, 'tinc.conf'), `${options.join('\n')}\n`);
  writeFileSync(join(directory, 'rsa_key.priv'), keys.secret, { mode: 0o600 });
  for (const host of hosts) {
    const lines = [`Address = ${host.side.vm.underlay}`, 'Cipher = none', 'Digest = none', host.open];
    writeFileSync(join(directory, 'hosts', host.side.vm.name), `${lines.join('\n')}\n`);
  }
  const pidFile = join(directory, 'pid');
  const daemon = vm.spawn('tincd', ['--no-detach', '--config', directory, `--pidfile=${pidFile}`]);
  await waitForLink(vm, DEVICE);
  return daemon;
}
