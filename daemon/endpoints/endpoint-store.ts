/** The endpoints on disk: one JSON file below paths.state, replaced as a whole so that a crash leaves old or new. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { type Endpoint, endpointSchema } from './endpoint.ts';

const fileSchema = z.object({ version: z.literal(1), endpoints: z.array(endpointSchema) });

export class EndpointStore {
  private readonly file: string;
  private endpoints: readonly Endpoint[] = [];

  constructor(stateDirectory: string) {
    this.file = join(stateDirectory, 'endpoints.json');
  }

  all(): readonly Endpoint[] {
    return this.endpoints;
  }

  /** Reads what an earlier run left; nothing is an empty list. Throws when the file is damaged: never guess. */
  async load(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw this.failure('cannot read', error);
    }
    try {
      this.endpoints = fileSchema.parse(JSON.parse(text)).endpoints;
    } catch (cause) {
      throw new WeftError('system', `${this.file} is damaged or of another version`, {
        hint: 'move it away to start with no endpoints; containers attached before then need a new attach',
        cause,
      });
    }
  }

  async add(endpoint: Endpoint): Promise<void> {
    await this.write([...this.endpoints, endpoint]);
  }

  async remove(endpoint: Endpoint): Promise<void> {
    await this.write(this.endpoints.filter(other => other !== endpoint));
  }

  /** Puts `now` in the place of `before`. */
  async replace(before: Endpoint, now: Endpoint): Promise<void> {
    await this.write(this.endpoints.map(other => (other === before ? now : other)));
  }

  /** Write aside, sync, rename: on the disk before it is answered, and never half. */
  private async write(endpoints: readonly Endpoint[]): Promise<void> {
    const aside = `${this.file}.new`;
    try {
      await mkdir(dirname(this.file), { recursive: true, mode: 0o700 });
      const handle = await open(aside, 'w', 0o600);
      try {
        await handle.writeFile(`${JSON.stringify({ version: 1, endpoints }, null, 2)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(aside, this.file);
    } catch (error) {
      throw this.failure('cannot write', error);
    }
    this.endpoints = endpoints;
  }

  private failure(what: string, cause: unknown): WeftError {
    return new WeftError('system', `${what} ${this.file}: ${(cause as Error).message}`, {
      hint: 'check paths.state in the configuration',
      cause,
    });
  }
}
