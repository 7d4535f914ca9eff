/**
 * The dataplane of one thread: owns the arena, the ports, the forwarder and its tables, and carries out commands.
 * It runs in a worker (worker.ts) so that neither gossip nor JSON ever delays a frame.
 */
import { randomInt } from 'node:crypto';
import type { VtepAddress } from './address.ts';
import { Arena } from './arena.ts';
import { checksumCompleter } from './checksum-completer.ts';
import type { Clock } from './clock.ts';
import type {
  Answers,
  CommandName,
  Commands,
  DataplaneCounters,
  NextHopSpec,
  TableEntry,
} from './commands.ts';
import { WeftError } from './errors.ts';
import { injectedErrno } from './fault-injection.ts';
import { Forwarder } from './forwarder.ts';
import { VXLAN_HEADER_SIZE } from './headers/vxlan.ts';
import { LocalPort } from './local-port.ts';
import { batchIo } from './native/batch-io.ts';
import type { PortModules } from './native/native-port.ts';
import { Network } from './network.ts';
import type { Offload, OffloadLost } from './offloads.ts';
import { readCounters } from './port-counters.ts';
import { type ProbeArrival, ProbePort } from './probe-port.ts';
import type { LearnedMac, Replicator } from './replicator.ts';
import { NativeTapPort, type TapPortOptions } from './tap.ts';
import { closeTap } from './tap-device.ts';
import type { Time } from './thread-time.ts';
import { NativeUdpPort } from './udp.ts';
import { type Vtep, VtepTable } from './vtep-table.ts';

/** Source sockets, and so outer source ports, of one VTEP: enough for ECMP and receive queues to spread flows. */
const SOURCE_SOCKETS = 16;

/** Asked of the kernel for each socket: at 10 Gbit/s it bridges a pause of 6 ms. */
const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;

export interface DatapathModules {
  readonly clock: Clock;
  /** Of that clock. */
  readonly time: Time;
  /** The way to the other workers; undefined when there are none. */
  readonly replicator?: Replicator | undefined;
}

export interface DatapathHandlers {
  /** The device of a port was deleted. The port is closed and gone already. */
  readonly portLost: (network: Network, port: LocalPort, errno: number) => void;
  /** The kernel refused an offload: slower from now on, nothing is lost. */
  readonly offloadLost: (event: OffloadLost) => void;
  /** A probe of an open session has come. */
  readonly probe: (arrival: ProbeArrival) => void;
  /** The VXLAN socket can never receive again. */
  readonly underlayLost: (errno: number) => void;
}

type Handler<Name extends CommandName> = (args: Commands[Name]) => Answers[Name];

export class Datapath {
  private readonly clock: Clock;
  private readonly time: Time;
  private readonly handlers: DatapathHandlers;
  private readonly replicator: Replicator | undefined;
  private readonly arena = new Arena({ allocate: size => batchIo.createArena(size) });
  private readonly vteps = new VtepTable();
  private readonly forwarder: Forwarder;
  private readonly probes: ProbePort;
  private nextHops: readonly NextHopSpec[] = [];
  /** What may be asked of the kernel. */
  private offloads: readonly Offload[] = [];
  /** Whether this worker speaks for all. */
  private announces = true;
  private underlay: { readonly udp: NativeUdpPort; readonly own: VtepAddress } | undefined;

  constructor(modules: DatapathModules, handlers: DatapathHandlers) {
    this.clock = modules.clock;
    this.time = modules.time;
    this.replicator = modules.replicator;
    this.replicator?.onMessage(learned => this.adopt(learned));
    this.handlers = handlers;
    this.probes = new ProbePort({ arena: this.arena }, arrival => handlers.probe(arrival));
    this.forwarder = new Forwarder({
      arena: this.arena.view,
      answerArea: this.arena.scratchOffset,
      completeChecksum: checksumCompleter({ arena: this.arena }),
      vteps: this.vteps,
      takeProbe: (batch, i) => this.probes.take(batch, i),
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
    open: ({ underlay, port, offloads, share, passed, held }) => {
      if (held === true) batchIo.holdPorts(1);
      const may = (offload: Offload): boolean => offloads.includes(offload);
      const udp = new NativeUdpPort(
        this.portModules(may('io-uring')),
        {
          address: underlay,
          port,
          share,
          ...(passed !== undefined && { passed }),
          sourceSockets: SOURCE_SOCKETS,
          receiveBufferBytes: SOCKET_BUFFER_BYTES,
          sendBufferBytes: SOCKET_BUFFER_BYTES,
          encapLength: VXLAN_HEADER_SIZE,
          segment: may('udp-segment'),
          gro: may('udp-gro'),
          // What no TAP takes as a super-frame is not made into one.
          coalesceTcp: may('udp-gro') && may('tap-tso'),
          coalesceUdp: may('udp-gro') && may('tap-uso'),
          injected: {
            segment: injectedErrno('udp-segment'),
            segmentProbe: injectedErrno('udp-segment@start'),
            gro: injectedErrno('udp-gro'),
            groProbe: injectedErrno('udp-gro@start'),
            tunnel: injectedErrno('tunnel-gso'),
          },
        },
        {
          onFrames: (batch, count) => this.forwarder.onDatagrams(batch, count),
          onLost: errno => this.handlers.underlayLost(errno),
          onOffloadLost: (offload, errno) =>
            this.handlers.offloadLost({ offload, port: this.lostInjector(offload), vni: null, errno }),
        },
      );
      this.announces = share !== 'joins';
      this.underlay = { udp, own: underlay };
      this.offloads = offloads;
      this.forwarder.useUdp(udp);
      return { sourcePorts: udp.sourcePorts, missing: udp.missing, descriptors: udp.descriptors };
    },

    begin: () => {
      batchIo.holdPorts(0);
    },

    closeUnderlay: () => {
      this.opened().udp.close();
    },

    addNetwork: options => {
      if (this.forwarder.network(options.vni) !== undefined) {
        throw new WeftError('conflict', `VNI ${options.vni} is in the dataplane already`);
      }
      const onLearned = this.replicator?.teller(options.vni);
      this.forwarder.addNetwork(
        new Network(
          { clock: this.clock, time: this.time, onLearned },
          { ...options, own: this.opened().own },
        ),
      );
    },

    setRules: ({ vni, ...rules }) => {
      this.networkOf(vni).setRules(rules);
    },

    removeNetwork: ({ vni }) => {
      const network = this.networkOf(vni);
      for (const port of network.ports) port.tap.close();
      this.forwarder.removeNetwork(vni);
      this.forgetUnusedVteps();
    },

    addPort: ({ vni, port: id, fd, reads, bucket }) => {
      try {
        this.addPort(this.networkOf(vni), id, { fd, reads }, bucket);
      } catch (error) {
        closeTap({ fds: [fd] });
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
      for (const vtep of interned) this.pointToNextHop(vtep);
      for (const other of this.forwarder.allNetworks()) {
        for (const vtep of interned) other.repointVtep(vtep);
      }
      const telling = vteps.filter(({ tells }) => tells === true).map(({ address }) => address);
      network.setVteps(source, interned, telling);
      this.forgetUnusedVteps();
      this.announce(network);
    },

    setNextHops: ({ hops }) => {
      this.opened().udp.setNextHops(hops);
      this.nextHops = hops;
      for (const vtep of this.vteps.values()) this.pointToNextHop(vtep);
    },

    attachMac: ({ vni, mac, port, addresses, bucket, isGateway }) => {
      const network = this.networkOf(vni);
      network.attach(mac, this.portOf(network, port), addresses, bucket);
      if (isGateway === true) network.setGateway(mac);
      this.announce(network);
    },

    releaseMac: ({ vni, mac }) => {
      const network = this.networkOf(vni);
      network.release(mac);
      this.announce(network);
    },

    changeClaims: ({ vni, ...changes }) => {
      const network = this.networkOf(vni);
      network.claims.change(changes);
      this.announce(network);
    },

    setProbes: ({ tokens }) => {
      this.probes.setTokens(tokens);
    },

    sendProbe: probe => this.probes.send(this.opened().udp, probe),

    readClaims: () =>
      [...this.forwarder.allNetworks()].flatMap(({ vni, claims }) =>
        Array.from(claims.reports(), report => ({ ...report, vni })),
      ),

    readVteps: ({ vni }) =>
      this.networkOf(vni)
        .gossipedVteps()
        .map(({ vtep: { address, port }, tells }) => ({ address, port, tells, isMissing: false })),

    readTable: () => [...this.forwarder.allNetworks()].flatMap(network => tableOf(network)),

    readCounters: () => this.counters(),

    close: () => {
      for (const network of this.forwarder.allNetworks()) {
        for (const port of network.ports) port.tap.close();
      }
      this.underlay?.udp.close();
      this.replicator?.close();
    },
  };

  private portModules(ring: boolean): PortModules {
    const injectedRing = { use: injectedErrno('io-uring'), probe: injectedErrno('io-uring@start') };
    return { arena: this.arena, ring, injectedRing };
  }

  private addPort(network: Network, id: string, options: TapPortOptions, bucket: SharedArrayBuffer): void {
    const port = new LocalPort(id);
    const tap = new NativeTapPort(
      this.portModules(this.offloads.includes('io-uring')),
      {
        ...options,
        tso: this.offloads.includes('tap-tso'),
        uso: this.offloads.includes('tap-uso'),
        injected: { tso: injectedErrno('tap-tso'), uso: injectedErrno('tap-uso') },
      },
      {
        onFrames: (batch, count) => this.forwarder.onTapFrames(network, port, batch, count),
        onLost: errno => this.portLost(network, port, errno),
        onOffloadLost: (offload, errno) =>
          this.handlers.offloadLost({ offload, port: port.id, vni: network.vni, errno }),
      },
    );
    port.use(tap);
    network.addPort(port, bucket);
  }

  /** Every worker knows of it, and writes to all ports: one says it. */
  private announce(network: Network): void {
    const moved = network.neighbors.takeMoved();
    if (this.announces && moved.length > 0) this.forwarder.announce(network, moved);
  }

  private portLost(network: Network, port: LocalPort, errno: number): void {
    network.removePort(port);
    port.tap.close();
    this.handlers.portLost(network, port, errno);
  }

  private pointToNextHop(vtep: Vtep): void {
    vtep.nextHop = this.nextHops.findIndex(hop => hop.vtep === vtep.address) + 1;
  }

  /** Name of the injector that failed; null for other offloads. */
  private lostInjector(offload: Offload): string | null {
    if (offload !== 'tunnel-gso') return null;
    const { txTunnelLost } = this.opened().udp.counters;
    return this.nextHops.find(({ fd }) => fd === txTunnelLost)?.injector ?? null;
  }

  /** What another worker has learned. What it is behind may be gone here already, or not yet here. */
  private adopt({ vni, mac, port: id, vtep: address, seen }: LearnedMac): void {
    const network = this.forwarder.network(vni);
    if (network === undefined) return;
    const port = id === null ? undefined : network.ports.find(candidate => candidate.id === id);
    if (port !== undefined) network.table.adopt(mac, port.destination, seen);
    const vtep = address === null ? undefined : this.vteps.get(address);
    if (vtep !== undefined && network.flood.has(vtep)) network.table.adopt(mac, vtep.destination, seen);
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
      answered: networks.map(({ vni, answered }) => ({ vni, ...answered.snapshot() })),
      closedPorts: networks.flatMap(({ vni, closedPorts }) =>
        closedPorts === undefined ? [] : [{ vni, counters: closedPorts }],
      ),
      tables: networks.map(({ vni, table, claims }) => ({
        vni,
        entries: table.size,
        claims: claims.size,
        claimsUsed: claims.sizeUsed,
      })),
      arenaBytes: this.arena.memory.byteLength,
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
