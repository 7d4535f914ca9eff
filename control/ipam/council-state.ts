/**
 * What the decisions 1 … number have made of the network: who decides, which nodes there are, which addresses each owns. Equal
 * decisions give equal states, down to the bytes of a snapshot.
 *
 *   snapshot = number, chain 8 bytes, votersSince, voters: count, (name, incarnation u48) …,
 *              nodes: count, (name, incarnation u48, session, nonce u48, wish, forgotten u8) …,
 *              spaces: for each count, (block, owner + 1) …       (owner: place among the nodes; 0: it rests)
 */
import { createHash } from 'node:crypto';
import { malformed, WireReader, WireWriter } from '../records/wire.ts';
import { type Block, isAligned } from './block.ts';
import { BlockMap } from './block-map.ts';
import { MAX_COUNT, readBlock, readIncarnation, readList, readName, writeBlock } from './codec.ts';
import { type Actor, type Command, decodeValue } from './command.ts';
import { generationOf, type Incarnation } from './incarnation.ts';
import { FORGOTTEN_KEPT, MAX_VOTERS } from './limits.ts';

export interface Voter {
  readonly name: string;
  readonly incarnation: Incarnation;
}

export interface NodeEntry {
  readonly incarnation: Incarnation;
  /** Confirmed starts. What was wanted of or against an earlier one is void. */
  readonly session: number;
  /** Of the confirmation: by it a node knows its own. */
  readonly nonce: number;
  /** The last wish of this session that was done. */
  readonly wish: number;
  readonly isForgotten: boolean;
}

/** The owner of addresses that were taken from a forgotten node: they are granted again, but not at once. */
export const RESTING = '';

const CHAIN_BYTES = 8;
const MAX_NODES = 100_000;
const MAX_BLOCKS = 1_000_000;

export class CouncilState {
  /** Decisions that are in it. */
  number = 0;
  /** Hash over all values up to here: two states of one number and chain are one. */
  chain: Uint8Array = new Uint8Array(CHAIN_BYTES);
  voters: readonly Voter[];
  /** The decision that made them the voters. */
  votersSince = 0;
  readonly nodes: Map<string, NodeEntry>;
  readonly spaces: BlockMap<string>[];

  private constructor(
    voters: readonly Voter[],
    nodes: Map<string, NodeEntry>,
    spaces: readonly BlockMap<string>[],
  ) {
    this.voters = voters;
    this.nodes = nodes;
    this.spaces = [...spaces];
  }

  /** `shape`: the bits of each space. */
  static found(shape: readonly number[], voters: readonly Voter[]): CouncilState {
    const nodes = voters.map(
      ({ name, incarnation }) =>
        [name, { incarnation, session: 1, nonce: 0, wish: 0, isForgotten: false }] as const,
    );
    return new CouncilState(
      voters,
      new Map(nodes),
      shape.map(bits => new BlockMap<string>(bits)),
    );
  }

  clone(): CouncilState {
    const copy = new CouncilState(this.voters, new Map(this.nodes), this.spaces);
    copy.number = this.number;
    copy.chain = this.chain;
    copy.votersSince = this.votersSince;
    return copy;
  }

  get majority(): number {
    return Math.floor(this.voters.length / 2) + 1;
  }

  isVoter({ name, incarnation }: Voter): boolean {
    return this.voters.some(voter => voter.name === name && voter.incarnation === incarnation);
  }

  /** The entry of a node that takes part, undefined for one that was forgotten. */
  live(name: string): NodeEntry | undefined {
    const entry = this.nodes.get(name);
    return entry?.isForgotten === false ? entry : undefined;
  }

  ownedBy(name: string, space: number): Block[] {
    const blocks: Block[] = [];
    for (const [block, owner] of this.spaces[space]?.entries() ?? []) if (owner === name) blocks.push(block);
    return blocks;
  }

  /** Applies the next decision. Returns the commands that were valid. A value that nobody can read does nothing, everywhere. */
  apply(value: Uint8Array): Command[] {
    this.number += 1;
    this.chain = digest(this.chain, value);
    return readable(value).filter(command => this.execute(command));
  }

  /** Returns whether it was valid; if not, nothing has changed. */
  execute(command: Command): boolean {
    switch (command.kind) {
      case 'confirm':
        return this.confirm(command, command.nonce);
      case 'forget':
        return this.forget(command);
      case 'voters':
        return this.elect(command.basis, command.names);
      case 'grant':
        return this.move(command, owner => owner === undefined || owner === RESTING, command.node);
      case 'give':
        return (
          this.live(command.to) !== undefined &&
          this.move(command, owner => owner === command.node, command.to)
        );
    }
  }

  /** What the next decision would make the chain. */
  chainAfter(value: Uint8Array): Uint8Array {
    return digest(this.chain, value);
  }

  encode(): Uint8Array {
    const writer = new WireWriter().varint(this.number).append(this.chain).varint(this.votersSince);
    writer.varint(this.voters.length);
    for (const { name, incarnation } of this.voters) writer.text(name).unsigned(incarnation, 6);
    writer.varint(this.nodes.size);
    const places = new Map<string, number>();
    for (const [name, { incarnation, session, nonce, wish, isForgotten }] of this.nodes) {
      places.set(name, places.size + 1);
      writer.text(name).unsigned(incarnation, 6).varint(session).unsigned(nonce, 6).varint(wish);
      writer.unsigned(Number(isForgotten), 1);
    }
    for (const space of this.spaces) {
      const entries = [...space.entries()];
      writer.varint(entries.length);
      for (const [block, owner] of entries) {
        writeBlock(writer, block);
        writer.varint(places.get(owner) ?? 0);
      }
    }
    return writer.bytes();
  }

  /** Throws `malformed`, also if the spaces are not of this shape. */
  static decode(bytes: Uint8Array, shape: readonly number[]): CouncilState {
    const reader = new WireReader(bytes);
    const number = reader.varint(MAX_COUNT);
    const chain = Uint8Array.from(reader.take(CHAIN_BYTES));
    const votersSince = reader.varint(number);
    const voters = readList(reader, MAX_VOTERS, () => ({
      name: readName(reader),
      incarnation: readIncarnation(reader),
    }));
    if (voters.length === 0) throw malformed('a council of nobody');
    const nodes = readList(reader, MAX_NODES, () => readNode(reader));
    const names = nodes.map(([name]) => name);
    const spaces = shape.map(bits => {
      let map = new BlockMap<string>(bits);
      for (let left = reader.varint(MAX_BLOCKS); left > 0; left--) {
        const block = readBlock(reader);
        const place = reader.varint(names.length);
        if (!map.every(block, owner => owner === undefined)) throw malformed('blocks that overlap');
        map = map.with(block, place === 0 ? RESTING : names[place - 1]);
      }
      return map;
    });
    if (reader.remaining > 0) throw malformed('a snapshot of other spaces');
    const state = new CouncilState(voters, new Map(nodes), spaces);
    state.number = number;
    state.chain = chain;
    state.votersSince = votersSince;
    return state;
  }

  private confirm({ node, incarnation, session }: Actor, nonce: number): boolean {
    const entry = this.nodes.get(node);
    const isSame = entry?.incarnation === incarnation;
    if (isSame) {
      if (entry.isForgotten || entry.session !== session) return false;
    } else {
      if (session !== 0) return false;
      if (entry !== undefined) {
        if (generationOf(incarnation) <= generationOf(entry.incarnation)) return false;
        // It lost its disk: who it was is gone, and has said so itself.
        if (!entry.isForgotten && !this.dismiss(node)) return false;
        this.nodes.delete(node);
      }
    }
    this.nodes.set(node, { incarnation, session: session + 1, nonce, wish: 0, isForgotten: false });
    return true;
  }

  private forget(victim: Actor): boolean {
    const entry = this.acting(victim);
    if (entry === undefined || !this.dismiss(victim.node)) return false;
    // To the end, so that the oldest are first.
    this.nodes.delete(victim.node);
    this.nodes.set(victim.node, { ...entry, isForgotten: true });
    const forgotten = [...this.nodes].filter(([, { isForgotten }]) => isForgotten);
    for (const [name] of forgotten.slice(0, -FORGOTTEN_KEPT)) this.nodes.delete(name);
    return true;
  }

  /** Takes its ranges and its vote. False: nobody would be left to vote. */
  private dismiss(node: string): boolean {
    const voters = this.voters.filter(({ name }) => name !== node);
    if (voters.length === 0) return false;
    if (voters.length < this.voters.length) {
      this.voters = voters;
      this.votersSince = this.number;
    }
    for (const [index, space] of this.spaces.entries()) {
      let map = space;
      for (const block of this.ownedBy(node, index)) map = map.with(block, RESTING);
      this.spaces[index] = map;
    }
    return true;
  }

  private elect(basis: number, names: readonly string[]): boolean {
    const voters = [...new Set(names)].sort().flatMap(name => {
      const entry = this.live(name);
      return entry === undefined ? [] : [{ name, incarnation: entry.incarnation }];
    });
    if (basis !== this.votersSince || voters.length === 0 || voters.length < names.length) return false;
    this.voters = voters;
    this.votersSince = this.number;
    return true;
  }

  private move(
    { space, block, wish, ...actor }: Actor & { space: number; block: Block; wish: number },
    mayMove: (owner: string | undefined) => boolean,
    to: string,
  ): boolean {
    const entry = this.acting(actor);
    const map = this.spaces[space];
    if (entry === undefined || map === undefined || wish <= entry.wish || !isAligned(block)) return false;
    if (!map.every(block, mayMove)) return false;
    this.spaces[space] = map.with(block, to);
    this.nodes.set(actor.node, { ...entry, wish });
    return true;
  }

  private acting({ node, incarnation, session }: Actor): NodeEntry | undefined {
    const entry = this.live(node);
    return entry?.incarnation === incarnation && entry.session === session ? entry : undefined;
  }
}

function readable(value: Uint8Array): Command[] {
  try {
    return decodeValue(value);
  } catch {
    return [];
  }
}

function readNode(reader: WireReader): [string, NodeEntry] {
  const name = readName(reader);
  const incarnation = readIncarnation(reader);
  const session = reader.varint(MAX_COUNT);
  const nonce = reader.unsigned(6);
  const wish = reader.varint(MAX_COUNT);
  return [name, { incarnation, session, nonce, wish, isForgotten: reader.unsigned(1) !== 0 }];
}

function digest(chain: Uint8Array, value: Uint8Array): Uint8Array {
  return createHash('sha256').update(chain).update(value).digest().subarray(0, CHAIN_BYTES);
}
