/**
 * Faults for tests of a whole daemon: `WEFT_INJECT=udp-segment=EIO,tap-uso=EINVAL` in its environment makes the kernel seem
 * to refuse each use of these offloads with these errors. Never set in operation; without it nothing here does anything.
 */
import { constants } from 'node:os';
import { WeftError } from './errors.ts';
import { OFFLOADS, type Offload } from './offloads.ts';

/** The errno to inject, 0 for none. Throws `invalid_argument` when `text` names a fault or errno that there is not. */
export function injectedErrno(fault: Offload, text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const faults = new Map(text.split(',').map(item => parseFault(item, text)));
  return faults.get(fault) ?? 0;
}

function parseFault(item: string, text: string): readonly [string, number] {
  const [name = '', errno = '', ...more] = item.split('=');
  const known = OFFLOADS.some(offload => offload === name) && Object.hasOwn(constants.errno, errno);
  if (!known || more.length > 0) {
    throw new WeftError('invalid_argument', `WEFT_INJECT=${text} names no fault that can be injected`, {
      hint: `unset it; tests use ${OFFLOADS.join(', ')} with the name of an errno`,
    });
  }
  return [name, (constants.errno as Readonly<Record<string, number>>)[errno] ?? 0];
}
