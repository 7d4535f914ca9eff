/** Which ports the workers have, and which of them reads each. */
import type { Vni } from './address.ts';

export interface PortName {
  readonly vni: Vni;
  readonly port: string;
}

interface Entry extends PortName {
  /** The worker that alone reads the port; undefined: each reads a queue of it. */
  readonly reader: number | undefined;
}

export class PortRegistry {
  private readonly entries = new Map<string, Entry>();
  private readonly readers: number[];

  constructor(options: { readonly workers: number }) {
    this.readers = new Array<number>(options.workers).fill(0);
  }

  /** A port with a queue for each worker: nobody reads it alone. */
  addShared(port: PortName): undefined {
    this.enter({ ...port, reader: undefined });
    return undefined;
  }

  /** A port with one queue; returns the worker that is to read it: the one that reads the fewest. */
  addSingle(port: PortName): number {
    const reader = this.readers.indexOf(Math.min(...this.readers));
    this.enter({ ...port, reader });
    return reader;
  }

  /** Returns whether it was there. */
  remove(port: PortName): boolean {
    const entry = this.entries.get(keyOf(port));
    if (entry === undefined) return false;
    this.entries.delete(keyOf(port));
    this.count(entry.reader, -1);
    return true;
  }

  /** Returns those that were there. */
  removeNetwork(vni: Vni): readonly PortName[] {
    const removed = [...this.entries.values()].filter(entry => entry.vni === vni);
    for (const entry of removed) this.remove(entry);
    return removed;
  }

  private enter(entry: Entry): void {
    this.remove(entry);
    this.entries.set(keyOf(entry), entry);
    this.count(entry.reader, 1);
  }

  private count(reader: number | undefined, change: number): void {
    if (reader !== undefined) this.readers[reader] = (this.readers[reader] ?? 0) + change;
  }
}

function keyOf({ vni, port }: PortName): string {
  return `${vni} ${port}`;
}
