/**
 * What is compared. Always the same two machines, each with a bridge and a container on a veth; what differs is what
 * joins the bridges:
 *
 *   no overlay     container ── bridge ── eth0 ══ switch ══ eth0 ── bridge ── container
 *   kernel vxlan   container ── bridge ── vxlan ~ eth0 ══ switch ══ eth0 ~ vxlan ── bridge ── container
 *   weft bridge    container ── bridge ── TAP ~ weft ~ eth0 ══ ...
 *   weft tap       container's own TAP ~ weft ~ eth0 ══ ...
 */
import type { Host } from '../daemon/lab/host.ts';
import { KernelVxlan } from '../daemon/lab/kernel-vxlan.ts';
import type { Lab } from '../daemon/lab/lab.ts';
import type { Vm } from '../daemon/lab/vm.ts';
import { waitFor } from '../daemon/lab/wait-for.ts';
import type { AttachMode } from '../daemon/lab/weft-config.ts';
import type { PeerReport } from '../daemon/operations.ts';

/** Two containers that reach each other. */
export interface Path {
  readonly client: Host;
  readonly server: Host;
  /** Of the server. */
  readonly address: string;
}

export interface Scenario {
  readonly name: string;
  readonly build: (lab: Lab) => Promise<Path>;
}

const CLIENT = '198.18.0.1/24';
const SERVER = '198.18.0.2/24';
const ADDRESS = '198.18.0.2';
const VNI = 42;

export const NO_OVERLAY = 'no overlay';
export const KERNEL_VXLAN = 'kernel vxlan';

export const SCENARIOS: readonly Scenario[] = [
  { name: NO_OVERLAY, build: buildDirect },
  { name: KERNEL_VXLAN, build: buildKernelVxlan },
  ...weftScenarios(),
];

/** Both attach modes, with the default configuration or with one whose top-level keys `override` replaces. */
export function weftScenarios(
  variant?: string,
  override: Readonly<Record<string, unknown>> = {},
): readonly Scenario[] {
  const suffix = variant === undefined ? '' : ` (${variant})`;
  return (['bridge', 'tap'] as const).map(attach => ({
    name: `weft ${attach}${suffix}`,
    build: lab => buildWeft(lab, attach, override),
  }));
}

async function twoVms(lab: Lab): Promise<[Vm, Vm]> {
  return [
    await lab.addVm('a', { underlay: '192.0.2.1/24' }),
    await lab.addVm('b', { underlay: '192.0.2.2/24' }),
  ];
}

async function buildDirect(lab: Lab): Promise<Path> {
  const [a, b] = await twoVms(lab);
  const [client, server] = [await a.addContainer('c1'), await b.addContainer('c1')];
  for (const [vm, container, address] of [[a, client, CLIENT] as const, [b, server, SERVER] as const]) {
    const near = await vm.plug(container, { addresses: [address] });
    await vm.addBridge('br0', { ports: [near, 'eth0'] });
  }
  return { client, server, address: ADDRESS };
}

async function buildKernelVxlan(lab: Lab): Promise<Path> {
  const [a, b] = await twoVms(lab);
  const [client, server] = [await a.addContainer('c1'), await b.addContainer('c1')];
  const near = await KernelVxlan.create(a, { vni: VNI, remotes: [b.underlay] });
  const far = await KernelVxlan.create(b, { vni: VNI, remotes: [a.underlay] });
  await near.attach(client, { addresses: [CLIENT] });
  await far.attach(server, { addresses: [SERVER] });
  return { client, server, address: ADDRESS };
}

async function buildWeft(
  lab: Lab,
  attach: AttachMode,
  override: Readonly<Record<string, unknown>>,
): Promise<Path> {
  const [a, b] = await twoVms(lab);
  const [client, server] = [await a.addContainer('c1'), await b.addContainer('c1')];
  // What an operator would run: no debug log.
  const options = {
    networks: [{ name: 'blue', vni: VNI, attach }],
    override: { log: { level: 'info' }, ...override },
  };
  await a.startWeft(options);
  await b.startWeft({ ...options, join: [a.underlay] });
  for (const vm of [a, b]) {
    await waitFor(
      async () => (await vm.weftJson<PeerReport[]>('peers')).some(({ state }) => state === 'alive'),
      {
        what: `${vm.name} to see its peer`,
      },
    );
  }
  await a.weft(['attach', client.netns, '--network', 'blue', '--address', CLIENT]);
  await b.weft(['attach', server.netns, '--network', 'blue', '--address', SERVER]);
  return { client, server, address: ADDRESS };
}
