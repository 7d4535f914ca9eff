/** container ── routes ── TUN ~ nebula ~ eth0 ══ switch ══ ...: IP packets in AES-GCM. It has no mode without encryption. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../daemon/lab/lab.ts';
import type { LabProcess } from '../../daemon/lab/lab-process.ts';
import { runCommand } from '../../daemon/lab/run-command.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import type { Path, Subject } from './subject.ts';
import { IPV4_UDP, routed, type Side, twoMachines, waitForLink } from './two-machines.ts';

const PORT = 4242;
const DEVICE = 'nebula0';
/** Nebula's header and the authentication tag. */
const HEADER = 32;

export class Nebula implements Subject {
  readonly name = 'nebula';
  readonly meaning = 'IP packets over nebula; always encrypted (AES-256-GCM)';
  readonly programs = ['nebula', 'nebula-cert'];
  readonly version = ['nebula', '-version'] as const;

  async build(lab: Lab): Promise<Path> {
    const machines = await twoMachines(lab);
    const { near, far } = machines;
    await certify(lab.directory, ['ca', '-name', 'bench']);
    const mtu = lab.mtu - IPV4_UDP - HEADER;
    const daemons = [
      await start(lab, near, far, { own: '198.19.0.1', other: '198.19.0.2', near: 1, far: 2, mtu }),
      await start(lab, far, near, { own: '198.19.0.2', other: '198.19.0.1', near: 2, far: 1, mtu }),
    ];
    const address = await routed(machines, DEVICE, { mtu });
    return { client: near.container, server: far.container, address, daemons };
  }
}

async function certify(directory: string, args: readonly string[]): Promise<void> {
  const ca = ['-out-crt', 'ca.crt', '-out-key', 'ca.key'];
  const paths = args[0] === 'ca' ? ca : ['-ca-crt', 'ca.crt', '-ca-key', 'ca.key'];
  const command = ['cd "$0" && exec nebula-cert "$@"', directory, ...args, ...paths];
  await runCommand('sh', ['-c', ...command]);
}

interface Places {
  readonly own: string;
  readonly other: string;
  /** Third byte of the containers' subnets. */
  readonly near: number;
  readonly far: number;
  readonly mtu: number;
}

async function start(lab: Lab, side: Side, other: Side, places: Places): Promise<LabProcess> {
  const { vm } = side;
  const subnet = `198.18.${places.near}.0/24`;
  const files = ['-out-crt', `${vm.name}.crt`, '-out-key', `${vm.name}.key`];
  const names = ['-name', vm.name, '-ip', `${places.own}/24`, '-subnets', subnet];
  await certify(lab.directory, ['sign', ...names, ...files]);
  const config = join(vm.directory, 'nebula.yaml');
  writeFileSync(config, JSON.stringify(settings(lab.directory, vm, other, places), undefined, 2));
  const daemon = vm.spawn('nebula', ['-config', config]);
  await waitForLink(vm, DEVICE);
  return daemon;
}

/** YAML readers take JSON. */
function settings(directory: string, vm: Vm, other: Side, places: Places): unknown {
  const everything = [{ port: 'any', proto: 'any', host: 'any' }];
  return {
    pki: {
      ca: join(directory, 'ca.crt'),
      cert: join(directory, `${vm.name}.crt`),
      key: join(directory, `${vm.name}.key`),
    },
    static_host_map: { [places.other]: [`${other.vm.underlay}:${PORT}`] },
    lighthouse: { am_lighthouse: false, hosts: [] },
    listen: { host: vm.underlay, port: PORT },
    cipher: 'aes',
    tun: {
      dev: DEVICE,
      mtu: places.mtu,
      unsafe_routes: [{ route: `198.18.${places.far}.0/24`, via: places.other, mtu: places.mtu }],
    },
    firewall: { outbound: everything, inbound: everything },
  };
}
