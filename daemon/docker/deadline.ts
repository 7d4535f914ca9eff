/** dockerd never gives up waiting for its plugin: whoever called it hangs as long. So each call has an end. */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { errorFields, type Log } from '../log.ts';

/** As long as an ADD of CNI may take. */
const DEADLINE_MS = 20_000;

export interface DeadlineModules {
  readonly clock: Clock;
  readonly log: Log;
}

/** What becomes of the work, or `unavailable` when it takes too long. What it comes to later is then taken back. */
export async function inTime<T>(
  { clock, log }: DeadlineModules,
  method: string,
  work: Promise<T>,
  takeBack: () => Promise<unknown> = async () => {},
): Promise<T> {
  let isLate = false;
  const late = new Promise<never>((_, reject) => {
    const patience = clock.after(DEADLINE_MS, () => {
      isLate = true;
      reject(
        new WeftError('unavailable', `weft did not carry out ${method} within ${DEADLINE_MS / 1000} s`, {
          hint: 'see its log, and try again',
        }),
      );
    });
    const done = () => patience.cancel();
    work.then(done, done);
  });
  work
    .then(async () => {
      if (isLate) await takeBack();
    })
    .catch(error => {
      if (isLate) log.warn(errorFields(error), 'a call of Docker that came too late has failed');
    });
  return await Promise.race([work, late]);
}
