/**
 * What the council decides on. One decision is a list of commands, executed in order; a command that is not valid when its turn
 * comes does nothing (council-state.ts).
 *
 *   value    = command …
 *   command  = kind u8, then
 *     1 confirm  actor, nonce u48
 *     2 grant    actor, wish, space u8, block
 *     3 give     actor, wish, space u8, block, name of the taker
 *     4 forget   actor                            (here the victim)
 *     5 voters   basis, count, names
 *   actor    = name, incarnation u48, session
 *
 * Numbers without a size are varints.
 */
import { malformed, WireReader, WireWriter } from '../records/wire.ts';
import type { Block } from './block.ts';
import { MAX_COUNT, readBlock, readIncarnation, readList, readName, writeBlock } from './codec.ts';
import type { Incarnation } from './incarnation.ts';
import { MAX_VOTERS } from './limits.ts';

/** Who wants it, and the start of his that it belongs to: what he wanted before the last one is void. */
export interface Actor {
  readonly node: string;
  readonly incarnation: Incarnation;
  /** Counts the starts of this incarnation that were confirmed. */
  readonly session: number;
}

/** `wish` orders what one node wants in one session, so that nothing is done twice. */
export type Command =
  | (Actor & { readonly kind: 'confirm'; readonly nonce: number })
  | (Actor & { readonly kind: 'grant'; readonly wish: number; readonly space: number; readonly block: Block })
  | (Actor & {
      readonly kind: 'give';
      readonly wish: number;
      readonly space: number;
      readonly block: Block;
      readonly to: string;
    })
  | (Actor & { readonly kind: 'forget' })
  | { readonly kind: 'voters'; readonly basis: number; readonly names: readonly string[] };

const KINDS = ['confirm', 'grant', 'give', 'forget', 'voters'] as const;

export function encodeCommand(command: Command): Uint8Array {
  const writer = new WireWriter().unsigned(KINDS.indexOf(command.kind) + 1, 1);
  if (command.kind === 'voters') {
    writer.varint(command.basis).varint(command.names.length);
    for (const name of command.names) writer.text(name);
    return writer.bytes();
  }
  writer.text(command.node).unsigned(command.incarnation, 6).varint(command.session);
  if (command.kind === 'confirm') writer.unsigned(command.nonce, 6);
  if (command.kind === 'confirm' || command.kind === 'forget') return writer.bytes();
  writer.varint(command.wish).unsigned(command.space, 1);
  writeBlock(writer, command.block);
  if (command.kind === 'give') writer.text(command.to);
  return writer.bytes();
}

/** Throws `malformed`. */
export function decodeValue(value: Uint8Array): Command[] {
  const reader = new WireReader(value);
  const commands: Command[] = [];
  while (reader.remaining > 0) commands.push(decodeCommand(reader));
  return commands;
}

function decodeCommand(reader: WireReader): Command {
  const kind = KINDS[reader.unsigned(1) - 1];
  if (kind === undefined) throw malformed('an unknown command');
  if (kind === 'voters') {
    return {
      kind,
      basis: reader.varint(MAX_COUNT),
      names: readList(reader, MAX_VOTERS, () => readName(reader)),
    };
  }
  const node = readName(reader);
  const actor = { node, incarnation: readIncarnation(reader), session: reader.varint(MAX_COUNT) };
  if (kind === 'forget') return { kind, ...actor };
  if (kind === 'confirm') return { kind, ...actor, nonce: reader.unsigned(6) };
  const wish = reader.varint(MAX_COUNT);
  const space = reader.unsigned(1);
  const block = readBlock(reader);
  const move = { ...actor, wish, space, block };
  return kind === 'give' ? { kind, ...move, to: readName(reader) } : { kind, ...move };
}
