/** `weft daemon --take-over`: takes the place of a daemon that runs, without a service manager that would pass its descriptors on. */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { batchIo } from '../../dataplane/native/batch-io.ts';
import { PassedDescriptors } from '../systemd/passed-descriptors.ts';
import type { HandOverOffer } from './hand-over.ts';
import { Predecessor } from './predecessor.ts';
import { HandOverStream, STREAM_NAME } from './stream.ts';

/** A node stops within 15 s, or its process ends without it (run-daemon.ts). */
const RELEASE_MS = 20_000;

export interface TakenOver {
  readonly passed: PassedDescriptors;
  readonly predecessor: Predecessor;
}

/**
 * Copies the descriptors of the daemon that offers them, and waits until it has let go of everything else. Throws `not_permitted` or `system` if they
 * cannot be copied: then it goes on as before; `unavailable` if it does not let go.
 */
export async function takeOver(
  offer: HandOverOffer,
  { clock }: { readonly clock: Clock },
): Promise<TakenOver> {
  const passed = copyDescriptors(offer);
  const [fd] = passed.take(STREAM_NAME);
  if (fd === undefined) {
    passed.closeRest();
    throw new WeftError('unavailable', 'the running daemon has offered nothing to talk to it by');
  }
  const stream = new HandOverStream({ clock, fd });
  stream.send('t');
  const how = await stream.next('r', RELEASE_MS);
  if (how === 'late') {
    stream.close();
    passed.closeRest();
    throw new WeftError('unavailable', 'the running daemon does not let go', {
      hint: 'see its log; end it, and start weft again',
    });
  }
  // One that has ended instead has let go of everything.
  return { passed, predecessor: new Predecessor(stream) };
}

function copyDescriptors({ pid, descriptors }: HandOverOffer): PassedDescriptors {
  const byName = new Map<string, number[]>();
  for (const [name, fds] of Object.entries(descriptors)) {
    for (const theirs of fds) {
      const fd = batchIo.takeDescriptor(pid, theirs);
      if (fd < 0) {
        new PassedDescriptors(byName).closeRest();
        throw new WeftError(
          'system',
          `cannot copy descriptor ${theirs} (${name}) of process ${pid}: errno ${-fd}`,
          {
            hint: 'run it as root in the same PID namespace, on Linux 5.6 or later; or stop the daemon that runs, and start weft',
          },
        );
      }
      byName.set(name, [...(byName.get(name) ?? []), fd]);
    }
  }
  return new PassedDescriptors(byName);
}
