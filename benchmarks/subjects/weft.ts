/**
 *   weft bridge    container ── bridge ── TAP ~ weft ~ eth0 ══ switch ══ ...
 *   weft tap       container's own TAP ~ weft ~ eth0 ══ switch ══ ...
 */
import { ApiClient } from '../../daemon/api/client.ts';
import type { Lab } from '../../daemon/lab/lab.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { waitFor } from '../../daemon/lab/wait-for.ts';
import type { AttachMode } from '../../daemon/lab/weft-config.ts';
import type { PeerReport } from '../../daemon/operations.ts';
import { systemClock } from '../../dataplane/clock.ts';
import { type PacketCounters, type Path, type Subject, WEFT_BRIDGE, WEFT_TAP } from './subject.ts';
import { plain, twoMachines } from './two-machines.ts';

const NETWORK = 'blue';

/** A configuration of weft to compare with the default one. */
export interface Variant {
  readonly name: string;
  /** Replaces top-level keys of the configuration. */
  readonly override: Readonly<Record<string, unknown>>;
}

export class Weft implements Subject {
  readonly name: string;
  readonly meaning: string;
  readonly programs = [];
  private readonly attach: AttachMode;
  private readonly override: Readonly<Record<string, unknown>>;

  constructor(attach: AttachMode, variant?: Variant) {
    const name = attach === 'bridge' ? WEFT_BRIDGE : WEFT_TAP;
    this.name = variant === undefined ? name : `${name} (${variant.name})`;
    this.attach = attach;
    this.override = variant?.override ?? {};
    const place = attach === 'bridge' ? 'a TAP on a bridge' : 'a TAP as the interface of each container';
    const config = variant === undefined ? 'default configuration' : `with ${JSON.stringify(this.override)}`;
    this.meaning = `weft, ${place}, ${config}`;
  }

  async build(lab: Lab): Promise<Path> {
    const { near, far } = await twoMachines(lab);
    const options = {
      networks: [{ name: NETWORK, vni: 42, attach: this.attach }],
      // What an operator would run: no debug log.
      override: { log: { level: 'info' }, ...this.override },
    };
    await near.vm.startWeft(options);
    await far.vm.startWeft({ ...options, join: [near.vm.underlay] });
    for (const { vm } of [near, far]) {
      await waitFor(
        async () => (await vm.weftJson<PeerReport[]>('peers')).some(({ state }) => state === 'alive'),
        { what: `${vm.name} to see its peer` },
      );
    }
    for (const { vm, container, address } of [near, far]) {
      await vm.weft(['attach', container.netns, '--network', NETWORK, '--address', address]);
    }
    return {
      client: near.container,
      server: far.container,
      address: plain(far.address),
      daemons: [near.vm.daemon, far.vm.daemon],
      counters: () => countersOf([near.vm, far.vm]),
    };
  }
}

async function countersOf(vms: readonly Vm[]): Promise<PacketCounters> {
  // Not by the command line: starting Node would cost more than the load that is measured.
  const reports = await Promise.all(
    vms.map(vm => new ApiClient({ clock: systemClock }, { socketPath: vm.apiSocket }).status()),
  );
  const sum = (field: 'tx_packets' | 'tx_sends' | 'rx_packets' | 'rx_messages') =>
    reports.reduce((total, { dataplane }) => total + dataplane[field], 0);
  return {
    packetsSent: sum('tx_packets'),
    sends: sum('tx_sends'),
    packetsReceived: sum('rx_packets'),
    receives: sum('rx_messages'),
  };
}
