/**
 * What dockerd tells once and does not repeat when it or weft starts again: paths.state/docker.json. It is on the disk before dockerd is
 * answered.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { readStateFile, writeStateFile } from '../state-file.ts';

/** Additions must be optional: the file outlives the version that wrote it. */
const fileSchema = z.object({
  version: z.literal(1),
  /** Docker's networks: which of weft's each is. */
  networks: z.array(z.object({ id: z.string(), network: z.string() })),
  /** Endpoints that dockerd has made, attached or not yet. */
  endpoints: z.array(
    z.object({
      id: z.string(),
      networkId: z.string(),
      addresses: z.array(z.string()),
      mac: z.string(),
      names: z.array(z.string()).optional(),
      resolver: z.boolean().optional(),
    }),
  ),
  /** Addresses that the IPAM driver has given, and under which names they are held. */
  leases: z.array(z.object({ owner: z.string(), network: z.string(), address: z.string() })),
  /** Names of networks that are to be removed as soon as nobody is in them. */
  retiring: z.array(z.string()),
});

export type DockerState = Omit<z.infer<typeof fileSchema>, 'version'>;

export type Lease = DockerState['leases'][number];

export class DockerStore {
  private readonly file: string;
  private current: DockerState = { networks: [], endpoints: [], leases: [], retiring: [] };
  private writing: Promise<void> = Promise.resolve();

  constructor(options: { readonly stateDirectory: string }) {
    this.file = join(options.stateDirectory, 'docker.json');
  }

  get state(): DockerState {
    return this.current;
  }

  /** Reads what an earlier run left. Throws `system` when the file is damaged: never guess. */
  async load(): Promise<void> {
    const text = await readStateFile(this.file);
    if (text === undefined) return;
    try {
      const { version: _, ...state } = fileSchema.parse(JSON.parse(text));
      this.current = state;
    } catch (cause) {
      throw new WeftError('system', `${this.file} is damaged or of another version`, {
        hint: 'move it away, and make the networks of Docker anew: docker network rm, docker network create',
        cause,
      });
    }
  }

  /** One change after the other: on the disk first, then known here. Throws `system`; then nothing has changed. */
  async change(edit: (state: DockerState) => Partial<DockerState>): Promise<void> {
    const done = this.writing.then(async () => {
      const next = { ...this.current, ...edit(this.current) };
      await writeStateFile(this.file, `${JSON.stringify({ version: 1, ...next })}\n`);
      this.current = next;
    });
    this.writing = done.catch(() => {});
    await done;
  }
}
