/**
 * What push/pulls of a simulated pool say of its members: nearly the same each time, so it is recognised by its bytes, many members
 * at a time, rather than decoded again, and held once. Equal bytes are equal members, so nobody can tell.
 */
import type { NodeDecoder, NodeState } from '../stream.ts';

/** So many members are compared at a time; where they differ, fewer. */
const RUNS = [256, 32, 4, 1];

/** Members that are remembered before all are forgotten: of a large pool, with all that becomes of some of them. */
const CAPACITY = 50_000;

export class KnownNodes implements NodeDecoder {
  private readonly share: (node: NodeState) => NodeState;
  private nodes: NodeState[] = [];
  /** The bytes of all, one after the other, and where each begins. */
  private bytes = Buffer.alloc(1 << 20);
  private starts = [0];
  private readonly places = new Map<string, number>();
  /** The one that is expected next: members come in much the same order each time. */
  private next = 0;

  /** `share`: the same member, made of what is held already. */
  constructor(share: (node: NodeState) => NodeState) {
    this.share = share;
  }

  recognise(
    bytes: Uint8Array,
    most: number,
  ): { readonly nodes: readonly NodeState[]; readonly length: number } | undefined {
    for (const run of RUNS) {
      const end = this.next + run;
      if (run > most || end > this.nodes.length) continue;
      const [from, to] = [this.starts[this.next] as number, this.starts[end] as number];
      if (to - from > bytes.length || this.bytes.compare(bytes, 0, to - from, from, to) !== 0) continue;
      const nodes = this.nodes.slice(this.next, end);
      this.next = end;
      return { nodes, length: to - from };
    }
    return undefined;
  }

  decoded(node: NodeState, bytes: Uint8Array): NodeState {
    const place = this.places.get(node.name);
    if (place !== undefined) {
      // Somewhere else in the list, or another version of the same member: after it comes what came after it before.
      this.next = place + 1;
      const [from, to] = [this.starts[place] as number, this.starts[place + 1] as number];
      if (this.bytes.compare(bytes, 0, bytes.length, from, to) === 0) return this.nodes[place] as NodeState;
      return this.share(node);
    }
    if (this.nodes.length >= CAPACITY) this.forget();
    const shared = this.share(node);
    this.places.set(node.name, this.nodes.length);
    this.append(bytes);
    this.nodes.push(shared);
    this.next = this.nodes.length;
    return shared;
  }

  private append(bytes: Uint8Array): void {
    const start = this.starts.at(-1) as number;
    const end = start + bytes.length;
    if (end > this.bytes.length) this.bytes = Buffer.concat([this.bytes], 2 * end);
    this.bytes.set(bytes, start);
    this.starts.push(end);
  }

  private forget(): void {
    this.nodes = [];
    this.starts = [0];
    this.places.clear();
  }
}
