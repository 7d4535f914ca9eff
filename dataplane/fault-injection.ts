/**
 * Faults for tests of a whole daemon: `WEFT_INJECT=udp-segment=EIO,tap-uso@start=EINVAL` in its environment makes the kernel
 * seem to refuse each use of an offload with this error, or, with `@start`, the probe that asks for it; `repair=EPERM` each repair of what somebody
 * has changed on the host (daemon/drift/). Never set in operation; without it nothing here does anything.
 */
import { constants } from 'node:os';
import { WeftError } from './errors.ts';
import { OFFLOADS, type Offload } from './offloads.ts';

type Fault = Offload | `${Offload}@start` | 'repair';

const FAULTS: readonly Fault[] = [
  ...OFFLOADS.flatMap((offload): Fault[] => [offload, `${offload}@start`]),
  'repair',
];

/**
 * The errno to inject, 0 for none. Throws `invalid_argument` when `text` names a fault or an errno that there is not.
 * `text` is WEFT_INJECT.
 */
export function injectedErrno(fault: Fault, text: string | undefined = environment()): number {
  if (text === undefined || text === '') return 0;
  const faults = new Map(text.split(',').map(item => parseFault(item, text)));
  return faults.get(fault) ?? 0;
}

function environment(): string | undefined {
  const { WEFT_INJECT } = process.env;
  return WEFT_INJECT;
}

function parseFault(item: string, text: string): readonly [string, number] {
  const [name = '', errno = '', ...more] = item.split('=');
  const known = FAULTS.some(fault => fault === name) && Object.hasOwn(constants.errno, errno);
  if (!known || more.length > 0) {
    throw new WeftError('invalid_argument', `WEFT_INJECT=${text} names no fault that can be injected`, {
      hint: `unset it; tests use ${FAULTS.join(', ')} with the name of an errno`,
    });
  }
  return [name, (constants.errno as Readonly<Record<string, number>>)[errno] ?? 0];
}
