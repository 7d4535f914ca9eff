/** container ── br-int ── vxlan ~ br-phy ── eth0 ══ switch ══ ...: everything in the process ovs-vswitchd. */
import type { Lab } from '../../daemon/lab/lab.ts';
import { OpenVswitch } from '../../daemon/lab/open-vswitch.ts';
import { OPEN_VSWITCH, type Path, type Subject } from './subject.ts';
import { plain, twoMachines, VXLAN_OVERHEAD } from './two-machines.ts';

export class OpenVswitchSubject implements Subject {
  readonly name = OPEN_VSWITCH;
  readonly meaning = 'Open vSwitch with its userspace datapath (netdev) and a vxlan port';
  readonly programs = ['ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl'];
  readonly version = ['ovs-vswitchd', '--version'] as const;

  async build(lab: Lab): Promise<Path> {
    const { near, far } = await twoMachines(lab);
    const daemons = [];
    for (const [side, other] of [[near, far] as const, [far, near] as const]) {
      const options = { vni: 42, remote: other.vm.underlay, underlay: side.underlay };
      const ovs = await OpenVswitch.create(side.vm, options);
      await ovs.attach(side.container, { addresses: [side.address], mtu: lab.mtu - VXLAN_OVERHEAD });
      daemons.push(ovs.daemon);
    }
    return { client: near.container, server: far.container, address: plain(far.address), daemons };
  }
}
