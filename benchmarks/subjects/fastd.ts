/** container ── bridge ── TAP ~ fastd ~ eth0 ══ switch ══ ...: fastd with its method "null". */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../daemon/lab/lab.ts';
import type { LabProcess } from '../../daemon/lab/lab-process.ts';
import { runCommand } from '../../daemon/lab/run-command.ts';
import type { Path, Subject } from './subject.ts';
import { bridged, plain, type Side, twoMachines, waitForLink } from './two-machines.ts';

const PORT = 10_000;
const DEVICE = 'fastd0';
/** One byte of fastd's own, the inner Ethernet header, UDP and IPv4, rounded up to what VXLAN takes. */
const OVERHEAD = 50;

export class Fastd implements Subject {
  readonly name = 'fastd';
  readonly meaning = 'fastd in TAP mode, unencrypted (method null)';
  readonly programs = ['fastd'];
  readonly version = ['fastd', '--version'] as const;

  async build(lab: Lab): Promise<Path> {
    const { near, far } = await twoMachines(lab);
    const mtu = lab.mtu - OVERHEAD;
    const [nearKey, farKey] = [await makeKey(), await makeKey()];
    const daemons = [
      await start(near, far, nearKey.secret, farKey.open, mtu),
      await start(far, near, farKey.secret, nearKey.open, mtu),
    ];
    for (const side of [near, far]) await bridged(side, DEVICE, mtu);
    return { client: near.container, server: far.container, address: plain(far.address), daemons };
  }
}

async function makeKey(): Promise<{ secret: string; open: string }> {
  const { stdout } = await runCommand('fastd', ['--generate-key', '--machine-readable']);
  const secret = stdout.trim();
  const show = ['--config', '-', '--show-key', '--machine-readable'];
  const { stdout: open } = await runCommand('fastd', show, { input: `secret "${secret}";\n` });
  return { secret, open: open.trim() };
}

async function start(
  side: Side,
  other: Side,
  secret: string,
  peer: string,
  mtu: number,
): Promise<LabProcess> {
  const { vm } = side;
  const config = join(vm.directory, 'fastd.conf');
  const lines = [
    `bind ${vm.underlay}:${PORT};`,
    'mode tap;',
    `interface "${DEVICE}";`,
    `mtu ${mtu};`,
    'method "null";',
    `secret "${secret}";`,
    `peer "other" { key "${peer}"; remote ${other.vm.underlay} port ${PORT}; }`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  const daemon = vm.spawn('fastd', ['--config', config]);
  await waitForLink(vm, DEVICE);
  return daemon;
}
