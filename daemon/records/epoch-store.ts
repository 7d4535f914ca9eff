/** How often this node's record log has begun: paths.state/record-log.json. */
import { join } from 'node:path';
import * as z from 'zod';
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
  private hasBegun = false;
  private pending = 0;

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

  /**
   * From now on what is saved is on the disk. Before it nothing is written: a daemon that is refused something at its start leaves
   * nothing behind. One that crashes in between has begun as often as its next life thinks it has; peers then show it the one that it
   * does not remember (presence.ts). Throws `system`.
   */
  begin(): void {
    this.hasBegun = true;
    this.save(this.pending);
  }

  /** Throws `system`. */
  save(starts: number): void {
    this.pending = starts;
    if (!this.hasBegun) return;
    writeStateFileSync(this.file, `${JSON.stringify({ version: 1, node: this.node, starts })}\n`);
  }
}
