/** container ── bridge ── vxlan ~ eth0 ══ switch ══ eth0 ~ vxlan ── bridge ── container. */
import { KernelVxlan } from '../../daemon/lab/kernel-vxlan.ts';
import type { Lab } from '../../daemon/lab/lab.ts';
import { KERNEL_VXLAN, type Path, type Subject } from './subject.ts';
import { plain, twoMachines, VXLAN_OVERHEAD } from './two-machines.ts';

const VNI = 42;

export class KernelVxlanSubject implements Subject {
  readonly name = KERNEL_VXLAN;
  readonly meaning =
    "the kernel's own vxlan device behind a bridge, with outer UDP checksums (the default of iproute2)";
  readonly programs = [];

  async build(lab: Lab): Promise<Path> {
    const { near, far } = await twoMachines(lab);
    const mtu = lab.mtu - VXLAN_OVERHEAD;
    for (const [side, other] of [[near, far] as const, [far, near] as const]) {
      const vtep = await KernelVxlan.create(side.vm, { vni: VNI, remotes: [other.vm.underlay], mtu });
      await vtep.attach(side.container, { addresses: [side.address] });
    }
    return { client: near.container, server: far.container, address: plain(far.address), daemons: [] };
  }
}
