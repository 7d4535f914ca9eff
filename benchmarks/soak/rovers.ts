/** Containers that come, go and move while the traffic runs; after each step it is asked whether the rest of the overlay knows. */
import type { Lab } from '../../daemon/lab/lab.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { attach, detach, type Machines, waitForAnswer } from './machines.ts';

/**
 * So many that each moves every two minutes at a move each five seconds: five moves of one MAC within 180 s are held for a fault
 * (RFC 7432 section 15.1).
 */
const ROVERS = 24;
const GUESTS = 8;

interface Rover {
  readonly netns: string;
  readonly address: string;
  /** Where it is attached; undefined: nowhere. */
  vm: Vm | undefined;
}

export class Rovers {
  private readonly machines: Machines;
  private readonly rovers: readonly Rover[];
  private readonly guests: readonly Rover[];
  private turn = 0;

  constructor(lab: Lab, machines: Machines) {
    this.machines = machines;
    const count = ROVERS + GUESTS;
    const names = lab.addBareNamespaces(Array.from({ length: count }, (_, i) => `rover-n${i}`));
    const all = names.map((netns, i): Rover => ({ netns, address: `198.18.1.${i + 1}`, vm: undefined }));
    this.rovers = all.slice(0, ROVERS);
    this.guests = all.slice(ROVERS);
  }

  /** Attaches all that move, on all machines in turn. */
  async arrive(): Promise<void> {
    const { vms } = this.machines;
    for (const [i, rover] of this.rovers.entries()) await this.place(rover, vms[i % vms.length] as Vm);
  }

  async leave(): Promise<void> {
    for (const rover of [...this.rovers, ...this.guests]) await this.remove(rover);
  }

  /** One leaves its machine for the next one, and has to be reached there. */
  async move(): Promise<void> {
    const { vms, small } = this.machines;
    const rover = this.rovers[this.turn++ % ROVERS] as Rover;
    const at = rover.vm === undefined ? 0 : vms.indexOf(rover.vm);
    await this.remove(rover);
    await this.place(rover, vms[(at + 1) % vms.length] as Vm);
    await waitForAnswer(small.client, rover.address);
  }

  /** One comes to a machine, is reached, and goes. */
  async visit(): Promise<void> {
    const { vms, small } = this.machines;
    const guest = this.guests[this.turn++ % GUESTS] as Rover;
    await this.place(guest, vms[this.turn % vms.length] as Vm);
    await waitForAnswer(small.client, guest.address);
    await this.remove(guest);
  }

  private async place(rover: Rover, vm: Vm): Promise<void> {
    await attach(vm, rover.netns, rover.address);
    rover.vm = vm;
  }

  private async remove(rover: Rover): Promise<void> {
    if (rover.vm === undefined) return;
    await detach(rover.vm, rover.netns);
    rover.vm = undefined;
  }
}
