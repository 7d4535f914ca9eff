/** Where members of the pool were, across restarts: paths.state/peers.json. It is a hint and never a reason not to start. */
import { join } from 'node:path';
import * as z from 'zod';
import type { RememberedPeer } from '../../control/peer-memory.ts';
import { parseIp } from '../../dataplane/address.ts';
import { errorFields, type Log } from '../log.ts';
import { readStateFileSync, writeStateFile } from '../state-file.ts';

const fileSchema = z.object({
  version: z.literal(1),
  /** Whose memory it is. */
  node: z.string(),
  peers: z.array(
    z.object({
      address: z.string().transform(parseIp),
      port: z.number().int().min(1).max(65_535),
      seen: z.number(),
    }),
  ),
});

export class PeerStore {
  private readonly file: string;
  private readonly node: string;
  private readonly log: Log;
  private writing: Promise<void> = Promise.resolve();
  private unsaved: readonly RememberedPeer[] | undefined;

  constructor(
    modules: { readonly log: Log },
    options: { readonly stateDirectory: string; readonly node: string },
  ) {
    this.log = modules.log;
    this.node = options.node;
    this.file = join(options.stateDirectory, 'peers.json');
  }

  /**
   * What an earlier run left; nothing if there is none or it cannot be read. Tells of a state directory that another node
   * has made: a copied VM, or one that was renamed.
   */
  load(): readonly RememberedPeer[] {
    try {
      const text = readStateFileSync(this.file);
      if (text === undefined) return [];
      const { node, peers } = fileSchema.parse(JSON.parse(text));
      if (node !== this.node) {
        const fields = { component: 'control', peer: node, path: this.file } as const;
        this.log.warn(fields, 'the state directory is that of a node with another name');
      }
      return peers;
    } catch (error) {
      const fields = { component: 'control', path: this.file, ...errorFields(error) } as const;
      this.log.warn(fields, 'the remembered peers cannot be read');
      return [];
    }
  }

  /** Saves one after the other; what fails is logged. */
  save(peers: readonly RememberedPeer[]): void {
    const lines = peers.map(({ address, port, seen }) => JSON.stringify({ address, port, seen }));
    const text = `{"version":1,"node":${JSON.stringify(this.node)},"peers":[\n${lines.join(',\n')}\n]}\n`;
    this.unsaved = peers;
    this.writing = this.writing
      .then(() => writeStateFile(this.file, text))
      .then(
        () => {
          if (this.unsaved === peers) this.unsaved = undefined;
        },
        error => this.log.warn({ component: 'control', ...errorFields(error) }, 'cannot save the peers'),
      );
  }

  /** Saves what could not be saved before. */
  rewrite(): void {
    if (this.unsaved !== undefined) this.save(this.unsaved);
  }

  /** Resolves when all is saved. */
  saved(): Promise<void> {
    return this.writing;
  }
}
