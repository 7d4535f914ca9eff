/**
 * Faults for tests of a whole daemon: `WEFT_INJECT=udp-segment=EIO` in its environment makes every send of more than
 * one datagram fail with EIO. Never set in operation; without it nothing here does anything.
 */
import { constants } from 'node:os';
import { WeftError } from './errors.ts';

const FAULTS = ['udp-segment'] as const;

export type Fault = (typeof FAULTS)[number];

/** The errno to inject, 0 for none. Throws `invalid_argument` when `text` names no fault or errno. */
export function injectedErrno(fault: Fault, text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const [name, errno] = text.split('=');
  const number = (constants.errno as Readonly<Record<string, number>>)[errno ?? ''];
  if (!FAULTS.some(known => known === name) || number === undefined) {
    throw new WeftError('invalid_argument', `WEFT_INJECT=${text} names no fault that can be injected`, {
      hint: `unset it; tests use ${FAULTS.join(', ')} with the name of an errno`,
    });
  }
  return name === fault ? number : 0;
}
