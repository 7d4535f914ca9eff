/** How often this node's record log has begun: paths.state/record-log.json, on the disk before the log says anything. */
import { join } from 'node:path';
import { z } from 'zod';
import type { EpochStore } from '../../control/records/epoch.ts';
import { errorFields, type Log } from '../log.ts';
import { readStateFileSync, writeStateFileSync } from '../state-file.ts';

const fileSchema = z.object({
  version: z.literal(1),
  /** Whose log it is: that of a node with another name has begun less or more often. */
  node: z.string(),
  starts: z.number().int().min(0),
});

export class FileEpochStore implements EpochStore {
  private readonly file: string;
  private readonly node: string;
  private readonly log: Log;

  constructor(
    modules: { readonly log: Log },
    options: { readonly stateDirectory: string; readonly node: string },
  ) {
    this.log = modules.log;
    this.node = options.node;
    this.file = join(options.stateDirectory, 'record-log.json');
  }

  /** A counter that is lost is no reason not to start: peers show us the life that we have forgotten, and a later one begins. */
  load(): number {
    try {
      const text = readStateFileSync(this.file);
      if (text === undefined) return 0;
      const { node, starts } = fileSchema.parse(JSON.parse(text));
      return node === this.node ? starts : 0;
    } catch (error) {
      const fields = { component: 'control', path: this.file, ...errorFields(error) } as const;
      this.log.warn(fields, 'the counter of the record log cannot be read');
      return 0;
    }
  }

  /** Throws `system`. */
  save(starts: number): void {
    writeStateFileSync(this.file, `${JSON.stringify({ version: 1, node: this.node, starts })}\n`);
  }
}
