/** container ── bridge ── eth0 ══ switch ══ eth0 ── bridge ── container: the same bridges, nothing between them. */
import type { Lab } from '../../daemon/lab/lab.ts';
import { NO_OVERLAY, type Path, type Subject } from './subject.ts';
import { bridged, plain, twoMachines } from './two-machines.ts';

export class NoOverlay implements Subject {
  readonly name = NO_OVERLAY;
  readonly meaning = 'the containers are bridged onto the underlay itself';
  readonly programs = [];

  async build(lab: Lab): Promise<Path> {
    const { near, far } = await twoMachines(lab);
    for (const side of [near, far]) await bridged(side, 'eth0', lab.mtu);
    return { client: near.container, server: far.container, address: plain(far.address), daemons: [] };
  }
}
