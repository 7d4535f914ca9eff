/** The next hops as the dataplane was told them last, and by which descriptors it may therefore still write. */
import type { NextHopSpec } from '../../dataplane/commands.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';

export class ToldHops {
  private readonly dataplane: Pick<Dataplane, 'run'>;
  /** Undefined while a command is under way and after one that failed: then any worker may have any of the two lists. */
  private known: readonly NextHopSpec[] | undefined = [];

  constructor({ dataplane }: { readonly dataplane: Pick<Dataplane, 'run'> }) {
    this.dataplane = dataplane;
  }

  /** Those that are surely in force in every worker. */
  get hops(): readonly NextHopSpec[] {
    return this.known ?? [];
  }

  /**
   * Tells the complete list if it is not in force yet. Returns whether it was not; rejects with the WeftError of
   * `setNextHops`, after which any list is told again.
   */
  async tell(hops: readonly NextHopSpec[]): Promise<boolean> {
    if (this.known !== undefined && JSON.stringify(hops) === JSON.stringify(this.known)) return false;
    this.known = undefined;
    await this.dataplane.run('setNextHops', { hops });
    this.known = hops;
    return true;
  }

  /** Whether a worker may write to this descriptor, so that it has to stay open: its number would lead elsewhere. */
  mayUse(fd: number): boolean {
    return this.known === undefined || this.known.some(hop => hop.fd === fd);
  }
}
