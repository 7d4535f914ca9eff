/**
 * container ── routes ── TAP ~ edge ~ eth0 ══ switch ══ ...; the supernode only introduces the edges. Routed, because an
 * edge knows the MAC addresses of edges only: frames of bridged containers would all go through the supernode.
 */
import type { Lab } from '../../daemon/lab/lab.ts';
import type { LabProcess } from '../../daemon/lab/lab-process.ts';
import type { Path, Subject } from './subject.ts';
import { routed, type Side, twoMachines, waitForLink } from './two-machines.ts';

const SUPERNODE_PORT = 7654;
const DEVICE = 'edge0';
/** 1400 bytes on an underlay of 1500: edge's own default. */
const OVERHEAD = 100;
const ADDRESSES = ['198.19.0.1', '198.19.0.2'] as const;

export class N2n implements Subject {
  readonly name = 'n2n';
  readonly meaning = 'IP packets over n2n, edge to edge; this version always encrypts (Twofish)';
  readonly programs = ['edge', 'supernode'];

  async build(lab: Lab): Promise<Path> {
    const machines = await twoMachines(lab);
    const { near, far } = machines;
    const mtu = lab.mtu - OVERHEAD;
    near.vm.spawn('supernode', ['-l', `${SUPERNODE_PORT}`]);
    const supernode = `${near.vm.underlay}:${SUPERNODE_PORT}`;
    const daemons = [
      await start(near, supernode, mtu, ADDRESSES[0]),
      await start(far, supernode, mtu, ADDRESSES[1]),
    ];
    const address = await routed(machines, DEVICE, { mtu, gateways: ADDRESSES });
    return { client: near.container, server: far.container, address, daemons };
  }
}

async function start(side: Side, supernode: string, mtu: number, address: string): Promise<LabProcess> {
  const { vm } = side;
  const names = ['-d', DEVICE, '-a', address, '-s', '255.255.255.0', '-c', 'bench', '-k', 'bench'];
  // Without -r it drops what is not addressed to the edge itself; without -u it becomes nobody.
  const daemon = vm.spawn('edge', [...names, '-l', supernode, '-M', `${mtu}`, '-r', '-u', '0', '-g', '0']);
  await waitForLink(vm, DEVICE);
  return daemon;
}
