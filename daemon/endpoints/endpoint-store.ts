/** The endpoints on disk: one JSON file below paths.state, replaced as a whole so that a crash leaves old or new. */
import { join } from 'node:path';
import { z } from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { readStateFile, writeStateFile } from '../state-file.ts';
import { type Endpoint, endpointSchema } from './endpoint.ts';

const fileSchema = z.object({ version: z.literal(1), endpoints: z.array(endpointSchema) });

export class EndpointStore {
  private readonly file: string;
  private endpoints: readonly Endpoint[] = [];
  /** Endpoints are never changed, only replaced. */
  private readonly lines = new WeakMap<Endpoint, string>();

  constructor(stateDirectory: string) {
    this.file = join(stateDirectory, 'endpoints.json');
  }

  all(): readonly Endpoint[] {
    return this.endpoints;
  }

  /** Reads what an earlier run left; nothing is an empty list. Throws when the file is damaged: never guess. */
  async load(): Promise<void> {
    const text = await readStateFile(this.file);
    if (text === undefined) return;
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

  private async write(endpoints: readonly Endpoint[]): Promise<void> {
    await writeStateFile(this.file, this.textOf(endpoints));
    this.endpoints = endpoints;
  }

  /** A line for each endpoint. Of a thousand only one has changed since the last time. */
  private textOf(endpoints: readonly Endpoint[]): string {
    const lines = endpoints.map(endpoint => {
      const line = this.lines.get(endpoint) ?? JSON.stringify(endpoint);
      this.lines.set(endpoint, line);
      return line;
    });
    return `{"version":1,"endpoints":[\n${lines.join(',\n')}\n]}\n`;
  }
}
