/** The daemon before this one, which carries frames until we do. */
import type { Clock } from '../../dataplane/clock.ts';
import type { PassedOn } from '../../dataplane/descriptor-store.ts';
import { HandOverStream, STREAM_NAME } from './stream.ts';

/** It stops reading at once, or has come to a halt; what it has not read is for us then, and some frames may overtake others. */
const FINISH_MS = 1000;

export class Predecessor {
  private readonly stream: HandOverStream;

  constructor(stream: HandOverStream) {
    this.stream = stream;
  }

  /** That of the service before its restart; undefined: it has ended, or there was none. */
  static among(passed: PassedOn, modules: { readonly clock: Clock }): Predecessor | undefined {
    const [fd] = passed.take(STREAM_NAME);
    return fd === undefined ? undefined : new Predecessor(new HandOverStream({ ...modules, fd }));
  }

  /** Resolves when it reads no frame any more; whether it has said so. */
  async finish(): Promise<boolean> {
    this.stream.send('f');
    const hasEnded = await this.stream.ended(FINISH_MS);
    this.stream.close();
    return hasEnded;
  }
}
