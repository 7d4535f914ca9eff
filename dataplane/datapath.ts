/**
 * The dataplane of one thread: owns the arena, the ports, the forwarder and its tables, and carries out commands.
 * It runs in a worker (worker.ts) so that neither gossip nor JSON ever delays a frame.
 */
import { randomInt } from 'node:crypto';
import type { VtepAddress } from './address.ts';
import { Arena } from './arena.ts';
import { checksumCompleter } from './checksum-completer.ts';
import type { Clock } from './clock.ts';
import { CoarseTime } from './coarse-time.ts';
import type { Answers, CommandName, Commands, DataplaneCounters, TableEntry } from './commands.ts';
import { WeftError } from './errors.ts';
import { injectedErrno } from './fault-injection.ts';
import { Forwarder } from './forwarder.ts';
import { VXLAN_HEADER_SIZE } from './headers/vxlan.ts';
import { LocalPort } from './local-port.ts';
import { Network } from './network.ts';
import { readCounters } from './port-counters.ts';
import { NativeTapPort } from './tap.ts';
import { closeTap } from './tap-device.ts';
import { NativeUdpPort } from './udp.ts';
import { type Vtep, VtepTable } from './vtep-table.ts';

/** Source sockets, and so outer source ports, of one VTEP: enough for ECMP and receive queues to spread flows. */
const SOURCE_SOCKETS = 16;

/** Asked of the kernel for each socket: at 10 Gbit/s it bridges a pause of 6 ms. */
const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;

export interface DatapathHandlers {
  /** The device of a port was deleted. The port is closed and gone already. */
  readonly portLost: (network: Network, port: LocalPort, errno: number) => void;
  /** UDP_SEGMENT was given up (udp.ts, `onSegmentationLost`): slower from now on, nothing is lost. */
  readonly segmentationLost: (errno: number) => void;
  readonly superFramesRefused: (network: Network, port: LocalPort) => void;
  /** The VXLAN socket can never receive again. */
  readonly underlayLost: (errno: number) => void;
}

type Handler<Name extends CommandName> = (args: Commands[Name]) => Answers[Name];

export class Datapath {
  private readonly clock: Clock;
  private readonly time: CoarseTime;
  private readonly handlers: DatapathHandlers;
  private readonly arena = new Arena();
  private readonly vteps = new VtepTable();
  private readonly forwarder: Forwarder;
  private underlay: { readonly udp: NativeUdpPort; readonly own: VtepAddress } | undefined;

  constructor(modules: { clock: Clock }, handlers: DatapathHandlers) {
    this.clock = modules.clock;
    this.time = new CoarseTime(modules);
    this.handlers = handlers;
    this.forwarder = new Forwarder({
      arena: this.arena.view,
      completeChecksum: checksumCompleter({ arena: this.arena }),
      vteps: this.vteps,
      // Signed, as V8 keeps small integers.
      hashSeed: randomInt(2 ** 32) | 0,
    });
  }

  /** Carries out one command; throws a WeftError, after which nothing has changed. */
  execute<Name extends CommandName>(name: Name, args: Commands[Name]): Answers[Name] {
    const handler = this.commands[name] as Handler<Name>;
    return handler(args);
  }

  private readonly commands: { readonly [Name in CommandName]: Handler<Name> } = {
    open: ({ underlay, port }) => {
      const { WEFT_INJECT } = process.env;
      const udp = new NativeUdpPort(
        { arena: this.arena },
        {
          address: underlay,
          port,
          sourceSockets: SOURCE_SOCKETS,
          receiveBufferBytes: SOCKET_BUFFER_BYTES,
          sendBufferBytes: SOCKET_BUFFER_BYTES,
          encapLength: VXLAN_HEADER_SIZE,
          injectedGsoErrno: injectedErrno('udp-segment', WEFT_INJECT),
        },
        {
          onFrames: (batch, count) => this.forwarder.onDatagrams(batch, count),
          onLost: errno => this.handlers.underlayLost(errno),
          onSegmentationLost: errno => this.handlers.segmentationLost(errno),
        },
      );
      this.underlay = { udp, own: underlay };
      this.forwarder.useUdp(udp);
      return { sourcePorts: udp.sourcePorts };
    },

    addNetwork: options => {
      if (this.forwarder.network(options.vni) !== undefined) {
        throw new WeftError('conflict', `VNI ${options.vni} is in the dataplane already`);
      }
      this.forwarder.addNetwork(
        new Network({ clock: this.clock, time: this.time }, { ...options, own: this.opened().own }),
      );
    },

    removeNetwork: ({ vni }) => {
      const network = this.networkOf(vni);
      for (const port of network.ports) port.tap.close();
      this.forwarder.removeNetwork(vni);
      this.forgetUnusedVteps();
    },

    addPort: ({ vni, port: id, fd }) => {
      try {
        this.addPort(this.networkOf(vni), id, fd);
      } catch (error) {
        closeTap({ fd });
        throw error;
      }
    },

    removePort: ({ vni, port: id }) => {
      const network = this.networkOf(vni);
      const port = this.portOf(network, id);
      network.removePort(port);
      port.tap.close();
    },

    setVteps: ({ vni, source, vteps }) => {
      const network = this.networkOf(vni);
      const interned = vteps.map(vtep => this.vteps.intern(vtep.address, vtep.port));
      for (const other of this.forwarder.allNetworks()) {
        for (const vtep of interned) other.repointVtep(vtep);
      }
      network.setVteps(source, interned);
      this.forgetUnusedVteps();
    },

    attachMac: ({ vni, mac, port }) => {
      const network = this.networkOf(vni);
      network.attach(mac, this.portOf(network, port));
    },

    releaseMac: ({ vni, mac }) => {
      this.networkOf(vni).table.removeFixed(mac);
    },

    readTable: () => [...this.forwarder.allNetworks()].flatMap(network => tableOf(network)),

    readCounters: () => this.counters(),

    close: () => {
      for (const network of this.forwarder.allNetworks()) {
        for (const port of network.ports) port.tap.close();
      }
      this.underlay?.udp.close();
      this.time.close();
    },
  };

  private addPort(network: Network, id: string, fd: number): void {
    const port = new LocalPort(id);
    const tap = new NativeTapPort(
      { arena: this.arena },
      { fd },
      {
        onFrames: (batch, count) => this.forwarder.onTapFrames(network, port, batch, count),
        onLost: errno => this.portLost(network, port, errno),
        onSuperFramesRefused: () => this.handlers.superFramesRefused(network, port),
      },
    );
    port.use(tap);
    network.addPort(port);
  }

  private portLost(network: Network, port: LocalPort, errno: number): void {
    network.removePort(port);
    port.tap.close();
    this.handlers.portLost(network, port, errno);
  }

  private opened(): { readonly udp: NativeUdpPort; readonly own: VtepAddress } {
    if (this.underlay === undefined) throw new WeftError('unavailable', 'the dataplane is not open yet');
    return this.underlay;
  }

  private networkOf(vni: number): Network {
    const network = this.forwarder.network(vni);
    if (network === undefined) throw new WeftError('not_found', `VNI ${vni} is not in the dataplane`);
    return network;
  }

  private portOf(network: Network, id: string): LocalPort {
    const port = network.ports.find(candidate => candidate.id === id);
    if (port === undefined) throw new WeftError('not_found', `network ${network.name} has no port ${id}`);
    return port;
  }

  private forgetUnusedVteps(): void {
    const used = new Set<Vtep>();
    for (const network of this.forwarder.allNetworks()) {
      for (const vtep of network.flood.vteps()) used.add(vtep);
    }
    for (const vtep of [...this.vteps.values()]) if (!used.has(vtep)) this.vteps.remove(vtep.address);
  }

  private counters(): DataplaneCounters {
    const networks = [...this.forwarder.allNetworks()];
    return {
      underlay: readCounters(this.opened().udp.counters),
      ports: networks.flatMap(({ vni, ports }) =>
        ports.map(port => ({ vni, port: port.id, counters: readCounters(port.tap.counters) })),
      ),
      drops: [
        { vni: null, reasons: this.forwarder.drops.snapshot() },
        ...networks.map(({ vni, drops }) => ({ vni, reasons: drops.snapshot() })),
      ],
    };
  }
}

function tableOf(network: Network): TableEntry[] {
  return [...network.table.entries()].map(({ mac, destination, origin, ageMs }) => ({
    vni: network.vni,
    mac,
    origin,
    port: destination.kind === 'port' ? destination.port.id : null,
    vtep: destination.kind === 'vtep' ? destination.vtep.address : null,
    ageMs,
  }));
}
