/**
 * What the address machine of a network must not forget: paths.state/ipam/ID.json. What is claimed is on the disk before it is
 * answered, and what is promised as a voter before it is said.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Journal, SavedState } from '../../control/ipam/host.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { readStateFileSync, writeStateFile } from '../state-file.ts';

const bytes = z.base64().transform(text => new Uint8Array(Buffer.from(text, 'base64')));
const fileSchema = z.object({
  version: z.literal(1),
  local: bytes,
  vote: bytes,
  council: bytes.nullable(),
});

export class IpamStore implements Journal {
  private readonly file: string;

  /** `id`: of the network, 16 hex digits. */
  constructor(options: { readonly stateDirectory: string; readonly id: string }) {
    this.file = join(options.stateDirectory, 'ipam', `${options.id}.json`);
  }

  /** Undefined if nothing was saved. Throws `system` when it cannot be read: to start without it could give an address twice. */
  load(): SavedState | undefined {
    const text = readStateFileSync(this.file);
    if (text === undefined) return undefined;
    try {
      const { local, vote, council } = fileSchema.parse(JSON.parse(text));
      return { local, vote, council: council ?? undefined };
    } catch (cause) {
      throw new WeftError('system', `${this.file} is damaged or of another version`, {
        hint: 'move it away: the addresses of this node are then held for lost until the other nodes have confirmed it anew',
        cause,
      });
    }
  }

  async save({ local, vote, council }: SavedState): Promise<void> {
    const text = (part: Uint8Array) => Buffer.from(part).toString('base64');
    const state = {
      local: text(local),
      vote: text(vote),
      council: council === undefined ? null : text(council),
    };
    await writeStateFile(this.file, `${JSON.stringify({ version: 1, ...state })}\n`);
  }

  /** The network is no more. */
  async remove(): Promise<void> {
    await rm(this.file, { force: true });
  }
}
