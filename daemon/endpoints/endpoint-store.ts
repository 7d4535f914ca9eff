/**
 * The endpoints on disk: one JSON file below paths.state, replaced as a whole. It has to outlive the daemon, not the machine: when that
 * starts anew, no interface is left. So no attachment waits for the disk, and beside the file is told which start of the machine it is of: one of an
 * earlier start that cannot be read is no loss.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { readBootId } from '../boot-time.ts';
import { readStateFile, replaceStateFile, writeStateFileSync } from '../state-file.ts';
import { type Endpoint, endpointSchema } from './endpoint.ts';

const fileSchema = z.object({ version: z.literal(1), endpoints: z.array(endpointSchema) });

export class EndpointStore {
  private readonly file: string;
  private readonly bootFile: string;
  private readonly bootId: string;
  private endpoints: readonly Endpoint[] = [];
  /** The file is told to be of this start of the machine. A start of the daemon that fails must not have written. */
  private isOfThisBoot = false;
  /** The disk has more than there is. */
  private isBehind = false;
  /** Endpoints are never changed, only replaced. */
  private readonly lines = new WeakMap<Endpoint, string>();

  constructor(stateDirectory: string, { bootId = readBootId() } = {}) {
    this.file = join(stateDirectory, 'endpoints.json');
    this.bootFile = join(stateDirectory, 'endpoints.boot');
    this.bootId = bootId;
  }

  all(): readonly Endpoint[] {
    return this.endpoints;
  }

  /**
   * Reads what an earlier run left; nothing is an empty list. Throws `system` when the file of a run since the machine has started is
   * damaged: never guess.
   */
  async load(): Promise<void> {
    const text = await readStateFile(this.file);
    const bootId = await readStateFile(this.bootFile);
    this.isOfThisBoot = bootId === this.bootId;
    if (text === undefined) return;
    try {
      this.endpoints = this.parse(text);
    } catch (error) {
      // Not told of which start it is: of another version, or nobody's.
      if (this.isOfThisBoot || bootId === undefined) throw error;
    }
  }

  private parse(text: string): readonly Endpoint[] {
    try {
      return fileSchema.parse(JSON.parse(text)).endpoints;
    } catch (cause) {
      throw new WeftError('system', `${this.file} is damaged or of another version`, {
        hint: 'move it away to start with no endpoints; containers attached before then need a new attach',
        cause,
      });
    }
  }

  async add(endpoint: Endpoint): Promise<void> {
    this.write([...this.endpoints, endpoint]);
  }

  /**
   * It is off the record also where the disk has no room to say so: a start that finds it there finds no interface, and forgets it. What is
   * behind is written by {@link rewrite} or the next change.
   */
  async remove(endpoint: Endpoint): Promise<void> {
    const endpoints = this.endpoints.filter(other => other !== endpoint);
    try {
      this.write(endpoints);
    } catch {
      this.endpoints = endpoints;
      this.isBehind = true;
    }
  }

  /** Writes what the disk does not have; nothing if it has all. A failure leaves it for the next time. */
  rewrite(): void {
    if (!this.isBehind) return;
    try {
      this.write(this.endpoints);
    } catch {
      // Who sees writes (state-watch.ts) tells of it, and calls again.
    }
  }

  /** Puts `now` in the place of `before`. */
  async replace(before: Endpoint, now: Endpoint): Promise<void> {
    this.write(this.endpoints.map(other => (other === before ? now : other)));
  }

  private write(endpoints: readonly Endpoint[]): void {
    if (!this.isOfThisBoot) writeStateFileSync(this.bootFile, this.bootId);
    this.isOfThisBoot = true;
    replaceStateFile(this.file, this.textOf(endpoints));
    this.endpoints = endpoints;
    this.isBehind = false;
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
