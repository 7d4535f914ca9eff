/** Links in memory: whole frames, in order, at the pace of a network that loses segments, with a bounded buffer at each end. */
import type { IpAddress } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { endpointKey } from '../endpoint.ts';
import type { Link, LinkHandler, LinkPort } from '../records/link.ts';
import type { Caller } from '../records/links.ts';
import type { RecordPeer } from '../records/peers.ts';
import type { SimulatedNetwork } from './network.ts';

export interface LinkHost {
  accept(link: Link, caller: Caller): LinkHandler;
  /** Calls when the host is awake. */
  gate(callback: () => void): void;
}

/** Bytes that wait in one direction before the sender is asked to wait. */
const BUFFER_BYTES = 128 * 1024;

/** 100 Mbit/s, in bytes per millisecond. */
const BYTES_PER_MS = 12_500;

/** A link that gets nothing through for so long is given up, in milliseconds. */
const DEAD_AFTER = 15_000;

/** Between tries to get something through a cut, in milliseconds. */
const RETRY = 400;

export class SimulatedLinks {
  bytes = 0;
  frames = 0;
  opened = 0;
  /** Called for each frame that is sent. */
  onFrame: (frame: Uint8Array) => void = () => undefined;
  private readonly clock: Clock;
  private readonly network: SimulatedNetwork;
  private readonly hosts = new Map<string, LinkHost>();
  private readonly ends = new Map<LinkHost, Set<End>>();

  constructor(modules: { readonly clock: Clock; readonly network: SimulatedNetwork }) {
    this.clock = modules.clock;
    this.network = modules.network;
  }

  attach(peer: Pick<RecordPeer, 'endpoint'>, host: LinkHost): LinkPort {
    this.hosts.set(endpointKey(peer.endpoint), host);
    this.ends.set(host, new Set());
    return { open: (to, handler) => this.open(peer.endpoint.address, host, to, handler) };
  }

  /** The host is gone; `silently`: without a word to its peers, as when the whole machine is. */
  detach(peer: Pick<RecordPeer, 'endpoint'>, { silently = false } = {}): void {
    const host = this.hosts.get(endpointKey(peer.endpoint));
    if (host === undefined) return;
    this.hosts.delete(endpointKey(peer.endpoint));
    for (const end of this.ends.get(host) ?? []) {
      end.isDead = true;
      if (!silently) this.clock.after(this.network.delay(), () => end.other?.end());
    }
    this.ends.delete(host);
  }

  /** Whether there is a link between these hosts' addresses. For the number of links, see `report` of the log. */
  private open(from: IpAddress, host: LinkHost, to: RecordPeer, handler: LinkHandler): Link {
    this.opened += 1;
    const near = new End(this, this.clock, this.network, { from, to: to.endpoint.address, host });
    near.handler = handler;
    this.ends.get(host)?.add(near);
    const connect = 2 * this.network.delay() + this.network.retransmissions();
    this.clock.after(connect, () => {
      if (near.isDead) return;
      if (this.network.isBroken(from, to.endpoint.address)) {
        this.clock.after(10_000, () => near.end());
        return;
      }
      const target = this.hosts.get(endpointKey(to.endpoint));
      if (target === undefined) {
        near.end();
        return;
      }
      const far = new End(this, this.clock, this.network, {
        from: to.endpoint.address,
        to: from,
        host: target,
      });
      this.ends.get(target)?.add(far);
      near.other = far;
      far.other = near;
      target.gate(() => {
        if (far.isDead || near.isDead) return;
        far.handler = target.accept(far, { from });
        near.deliverNext();
        far.deliverNext();
      });
    });
    return near;
  }

  forget(host: LinkHost, end: End): void {
    this.ends.get(host)?.delete(end);
  }
}

class End implements Link {
  other: End | undefined;
  handler: LinkHandler | undefined;
  isDead = false;
  private readonly links: SimulatedLinks;
  private readonly clock: Clock;
  private readonly network: SimulatedNetwork;
  private readonly path: { readonly from: IpAddress; readonly to: IpAddress; readonly host: LinkHost };
  private queue: Uint8Array[] = [];
  private queued = 0;
  private isFull = false;
  private isClosing = false;
  private isBusy = false;
  private stuckSince: number | undefined;

  constructor(links: SimulatedLinks, clock: Clock, network: SimulatedNetwork, path: End['path']) {
    this.links = links;
    this.clock = clock;
    this.network = network;
    this.path = path;
  }

  send(frame: Uint8Array): boolean {
    if (this.isDead || this.isClosing) return true;
    this.queue.push(frame);
    this.queued += frame.length + 4;
    this.links.bytes += frame.length + 4;
    this.links.frames += 1;
    this.links.onFrame(frame);
    this.isFull = this.queued >= BUFFER_BYTES;
    this.deliverNext();
    return !this.isFull;
  }

  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.clock.after(0, () => this.deliverNext());
  }

  abort(): void {
    const { other, path } = this;
    if (this.isDead) return;
    this.end();
    // Its FIN is lost in a cut; the other side then finds out by itself.
    if (other === undefined || this.network.isBroken(path.from, path.to)) return;
    this.clock.after(this.network.delay(), () => other.end());
  }

  /** Over, for whatever reason. */
  end(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.links.forget(this.path.host, this);
    const { handler } = this;
    this.path.host.gate(() => handler?.onClose());
  }

  deliverNext(): void {
    if (this.isDead || this.isBusy) return;
    if (this.other === undefined || this.other.handler === undefined) {
      if (this.isClosing) this.end();
      return;
    }
    const frame = this.queue[0];
    if (frame === undefined) {
      if (this.isClosing) {
        const { other } = this;
        this.end();
        this.clock.after(this.network.delay(), () => other.end());
      }
      return;
    }
    this.isBusy = true;
    const delay = frame.length / BYTES_PER_MS + this.network.retransmissions();
    this.clock.after(delay, () => this.arrive(frame));
  }

  /** The sender's buffer is free when the frame has left; it is with the peer a little later, behind those before it. */
  private arrive(frame: Uint8Array): void {
    this.isBusy = false;
    const { from, to } = this.path;
    if (this.isDead || this.other === undefined) return;
    if (this.network.isBroken(from, to) || this.other.isDead) {
      this.stuckSince ??= this.clock.now();
      if (this.clock.now() - this.stuckSince > DEAD_AFTER) {
        this.other.end();
        this.end();
        return;
      }
      this.isBusy = true;
      this.clock.after(RETRY, () => this.arrive(frame));
      return;
    }
    this.stuckSince = undefined;
    this.queue.shift();
    // Most links are at rest: without room for what has gone through.
    if (this.queue.length === 0) this.queue = [];
    this.queued -= frame.length + 4;
    this.deliver(frame, this.other);
    if (this.isFull && this.queued < BUFFER_BYTES / 2) {
      this.isFull = false;
      this.path.host.gate(() => {
        if (!this.isDead) this.handler?.onWritable();
      });
    }
    this.deliverNext();
  }

  private lastArrival = 0;

  private deliver(frame: Uint8Array, other: End): void {
    this.lastArrival = Math.max(this.lastArrival, this.clock.now() + this.network.delay());
    this.clock.after(this.lastArrival - this.clock.now(), () => {
      other.path.host.gate(() => {
        if (!other.isDead) other.handler?.onFrame(frame);
      });
    });
  }
}
