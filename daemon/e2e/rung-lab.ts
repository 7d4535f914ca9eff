/**
 * One lab for every rung of the offload ladder: both attach modes side by side, and three kinds of peers. The daemons are
 * restarted between rungs, so what a rung finds is also what a take-over leaves.
 *
 *   network blue (bridge, VNI 42): a-c1 198.18.0.1 · b-c1 .2 · k-c1 .9 · o-c1 .10       2001:db8:18::1 …
 *   network green (tap, VNI 43):   a-c2 198.19.0.1 · b-c2 .2 · k-c2 .9 · o-c2 .10       2001:db8:19::1 …
 *   machines: a, b weft · k kernel vxlan · o Open vSwitch, which has tunnels to a only
 */
import type { Container } from '../lab/container.ts';
import { serveExchange } from '../lab/exchange.ts';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import { Lab } from '../lab/lab.ts';
import type { LabProcess } from '../lab/lab-process.ts';
import { OpenVswitch } from '../lab/open-vswitch.ts';
import type { Vm } from '../lab/vm.ts';
import type { LogFields } from '../log-fields.ts';
import type { StatusReport } from '../operations.ts';
import { addAttached, INCIDENTAL, waitForPeer, waitForPing } from './overlay.ts';

export const MULTICAST_GROUP = '224.0.0.251';
export const MULTICAST_PORT = 5353;

/** How the daemons of a rung are started. */
export interface Rung {
  readonly title: string;
  /** `dataplane.offload` of the configuration. @default all auto */
  readonly offload?: Readonly<Record<string, 'off'>>;
  /** WEFT_INJECT. @default none */
  readonly inject?: string;
}

/** A container and where others reach it. */
export interface Station {
  readonly container: Container;
  readonly v4: string;
  readonly v6: string;
  /** Hears multicast and broadcast. */
  readonly listener: LabProcess;
}

/** One network of the lab, with a container at each machine. */
export interface RungNetwork {
  readonly name: string;
  readonly attach: 'bridge' | 'tap';
  readonly a: Station;
  readonly b: Station;
  readonly kernel: Station;
  readonly ovs: Station;
}

const NETWORKS = [
  { name: 'blue', vni: 42, attach: 'bridge', v4: '198.18.0.', v6: '2001:db8:18::' },
  { name: 'green', vni: 43, attach: 'tap', v4: '198.19.0.', v6: '2001:db8:19::' },
] as const;
type NetworkPlan = (typeof NETWORKS)[number];

const KERNEL = '192.0.2.9';
const OVS = '192.0.2.10';

export class RungLab {
  readonly networks: readonly RungNetwork[];
  readonly a: Vm;
  readonly b: Vm;
  private readonly lab: Lab;

  private constructor(lab: Lab, machines: { a: Vm; b: Vm }, networks: readonly RungNetwork[]) {
    this.lab = lab;
    this.a = machines.a;
    this.b = machines.b;
    this.networks = networks;
  }

  /** Builds it, with daemons that use every offload. */
  static async create(): Promise<RungLab> {
    const lab = await Lab.create({ name: 'rungs' });
    try {
      const [a, b, k, o] = [
        await lab.addVm('a', { underlay: '192.0.2.1/24' }),
        await lab.addVm('b', { underlay: '192.0.2.2/24' }),
        await lab.addVm('k', { underlay: `${KERNEL}/24` }),
        await lab.addVm('o', { underlay: `${OVS}/24` }),
      ];
      await startDaemons(a, b, { title: 'all on' });
      const ovs = await OpenVswitch.create(o, { vni: 42, remote: a.underlay, underlay: `${OVS}/24` });
      await ovs.addNetwork(43, a.underlay);
      const networks: RungNetwork[] = [];
      for (const plan of NETWORKS) networks.push(await addNetwork(plan, { a, b, k, o }, ovs));
      return new RungLab(lab, { a, b }, networks);
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  }

  /** Starts both daemons anew, as this rung wants them. */
  async climb(rung: Rung): Promise<void> {
    await Promise.all([this.a.stopWeft(), this.b.stopWeft()]);
    await startDaemons(this.a, this.b, rung);
  }

  /** Waits until the containers of `a` reach everybody. */
  async settle(): Promise<void> {
    const peers = this.networks.flatMap(({ a, b, kernel, ovs }) =>
      [b, kernel, ovs].map(({ v4 }) => [a.container, v4] as const),
    );
    await Promise.all(peers.map(([from, to]) => waitForPing(from, to)));
  }

  report(): string {
    return this.lab.report();
  }

  destroy(): Promise<void> {
    return this.lab.destroy();
  }
}

async function startDaemons(a: Vm, b: Vm, { offload = {}, inject = '' }: Rung): Promise<void> {
  const options = (vteps: readonly string[], join: readonly string[]) => ({
    networks: NETWORKS.map(({ name, vni, attach }) => ({ name, vni, attach, static_vteps: vteps })),
    join,
    override: { dataplane: { offload } },
  });
  const env = { WEFT_INJECT: inject };
  await Promise.all([
    a.startWeft(options([KERNEL, OVS], [b.underlay]), env),
    b.startWeft(options([KERNEL], [a.underlay]), env),
  ]);
  await Promise.all([waitForPeer(a, 'b', 'alive'), waitForPeer(b, 'a', 'alive')]);
}

async function addNetwork(
  plan: NetworkPlan,
  { a, b, k, o }: Readonly<Record<'a' | 'b' | 'k' | 'o', Vm>>,
  ovs: OpenVswitch,
): Promise<RungNetwork> {
  const { name, vni, attach } = plan;
  const place = (n: number) => ({ v4: `${plan.v4}${n}`, v6: `${plan.v6}${n}` });
  const addressesOf = ({ v4, v6 }: { v4: string; v6: string }) => [`${v4}/24`, `${v6}/64`];
  const containerName = attach === 'bridge' ? 'c1' : 'c2';
  const weft = (vm: Vm, n: number) =>
    addAttached(vm, containerName, { network: name, addresses: addressesOf(place(n)) });
  const kernel = await KernelVxlan.create(k, { vni, remotes: [a.underlay, b.underlay] });
  const [behindKernel, behindOvs] = [
    await k.addContainer(containerName),
    await o.addContainer(containerName),
  ];
  await kernel.attach(behindKernel, { addresses: addressesOf(place(9)) });
  const ovsOptions = { addresses: addressesOf(place(10)), ...(vni === 42 ? {} : { vni }) };
  await ovs.attach(behindOvs, ovsOptions);
  const station = async (container: Container, n: number): Promise<Station> => {
    await serveExchange(container);
    const listener = await container.startTool('multicast-listen', [
      MULTICAST_GROUP,
      MULTICAST_PORT,
      place(n).v4,
    ]);
    return { container, ...place(n), listener };
  };
  const [one, two] = [await weft(a, 1), await weft(b, 2)];
  const [stationA, stationB, stationK, stationO] = await Promise.all([
    station(one, 1),
    station(two, 2),
    station(behindKernel, 9),
    station(behindOvs, 10),
  ]);
  return { name, attach, a: stationA, b: stationB, kernel: stationK, ovs: stationO };
}

/** How the offloads stand, and what was dropped so far for a reason that tells of a loss. */
export async function standing(
  vm: Vm,
): Promise<{ offloads: StatusReport['dataplane']['offloads']; drops: Readonly<Record<string, number>> }> {
  const { offloads, drops } = (await vm.weftJson<StatusReport>('status')).dataplane;
  const lost = Object.entries(drops).filter(([reason]) => !INCIDENTAL.has(reason));
  return { offloads, drops: Object.fromEntries(lost) };
}

/** What the daemon that runs now has said of lost offloads. */
export function lossLines(vm: Vm): readonly LogFields[] {
  return vm.daemon.stdout
    .split('\n')
    .filter(line => line.includes('"offload_lost"'))
    .map(line => JSON.parse(line) as LogFields);
}
