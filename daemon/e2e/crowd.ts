/** Many containers on many machines, which move, and where each of them is. */
import { systemClock } from '../../dataplane/clock.ts';
import { xorshift } from '../lab/hostile-datagrams.ts';
import type { Lab } from '../lab/lab.ts';
import { paced } from '../lab/paced.ts';
import { runCommand } from '../lab/run-command.ts';
import type { Vm } from '../lab/vm.ts';
import { attachBy, detachBy } from './pool.ts';

/** Moves that may be under way at one time. */
const AT_ONCE = 12;

/** A container: a namespace that any machine of the lab can attach, as if it had been started there. */
interface Station {
  readonly netns: string;
  readonly address: string;
  vm: Vm;
  /** Known once it was attached. */
  mac: string;
  isMoving: boolean;
}

export class Crowd {
  private readonly stations: readonly Station[];
  private readonly next: () => number;

  private constructor(stations: readonly Station[], seed: number) {
    this.stations = stations;
    this.next = xorshift(seed);
  }

  /** Makes so many containers for each machine, which are attached to nothing. They have no IPv6, and so send nothing unasked. */
  static async make(lab: Lab, vms: readonly Vm[], options: { perVm: number; seed: number }): Promise<Crowd> {
    const { perVm, seed } = options;
    const names = vms.flatMap(({ name }) => Array.from({ length: perVm }, (_, i) => `${name}-n${i}`));
    const namespaces = lab.addBareNamespaces(names);
    const disable = 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6';
    const script = `while read -r netns; do ip netns exec "$netns" sh -c '${disable}'; done`;
    await runCommand('sh', ['-e', '-c', script], { input: `${namespaces.join('\n')}\n` });
    const stations = namespaces.map((netns, i): Station => {
      const vm = vms[Math.floor(i / perVm)];
      if (vm === undefined) throw new Error('unreachable: a namespace of no machine');
      return { netns, address: `198.18.0.${i + 1}/24`, vm, mac: '', isMoving: false };
    });
    return new Crowd(stations, seed);
  }

  get size(): number {
    return this.stations.length;
  }

  /** Attaches all of them, one after the other on each machine, on all machines at the same time. */
  async attach(): Promise<void> {
    const vms = new Set(this.stations.map(({ vm }) => vm));
    await Promise.all(
      [...vms].map(async vm => {
        for (const station of this.stations) if (station.vm === vm) await this.attachOne(station);
      }),
    );
  }

  /** Where all containers are, or those that are on these machines. */
  whereabouts(vms?: readonly Vm[]): Map<string, string> {
    return new Map(
      this.stations.flatMap(({ mac, vm }) => (vms?.includes(vm) === false ? [] : [[mac, vm.underlay]])),
    );
  }

  /** Moves containers from one of these machines to another, at a pace, as long as it goes on. Returns how many. */
  async move(
    vms: readonly Vm[],
    options: { readonly perSecond: number; readonly goesOn: (started: number) => boolean },
  ): Promise<number> {
    return await paced({ clock: systemClock }, { atOnce: AT_ONCE, ...options }, async () => {
      const station = this.pick(this.stations.filter(({ vm, isMoving }) => !isMoving && vms.includes(vm)));
      station.isMoving = true;
      await detachBy(station.vm, station.netns);
      station.vm = this.pick(vms.filter(vm => vm !== station.vm));
      await this.attachOne(station);
      station.isMoving = false;
    });
  }

  private async attachOne(station: Station): Promise<void> {
    station.mac = await attachBy(station.vm, station.netns, [station.address]);
  }

  private pick<T>(from: readonly T[]): T {
    const one = from[this.next() % from.length];
    if (one === undefined) throw new Error('there is nothing to choose from');
    return one;
  }
}
