/** The networks that were made by command, on disk: paths.state/networks.json. */
import { join } from 'node:path';
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { readStateFileSync, writeStateFileSync } from '../state-file.ts';
import { definitionSchema, type NetworkDefinition } from './definition.ts';

const fileSchema = z.object({
  version: z.literal(1),
  networks: z.array(
    z.object({
      /** We have told the pool of it: after a restart we do so at once. */
      told: z.boolean(),
      definition: definitionSchema,
    }),
  ),
});

export interface StoredNetwork {
  readonly told: boolean;
  readonly definition: NetworkDefinition;
}

export class CatalogueStore {
  private readonly file: string;

  constructor(options: { readonly stateDirectory: string }) {
    this.file = join(options.stateDirectory, 'networks.json');
  }

  /** What an earlier run left. Throws `system` when it cannot be read: without it, containers would lose their networks. */
  load(): readonly StoredNetwork[] {
    const text = readStateFileSync(this.file);
    if (text === undefined) return [];
    try {
      return fileSchema.parse(JSON.parse(text)).networks;
    } catch (cause) {
      throw new WeftError('system', `${this.file} is damaged or of another version`, {
        hint: 'move it away: other nodes of the pool tell what was in it',
        cause,
      });
    }
  }

  /** It is on the disk when this returns. Throws `system`. */
  save(networks: readonly StoredNetwork[]): void {
    const lines = networks.map(network => JSON.stringify(network));
    writeStateFileSync(this.file, `{"version":1,"networks":[\n${lines.join(',\n')}\n]}\n`);
  }
}
