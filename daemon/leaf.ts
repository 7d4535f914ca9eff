/** One value of a configuration or a request, parsed by a plain function: how those meet zod. */
import * as z from 'zod';
import { WeftError } from '../dataplane/errors.ts';

/** No value of weft's is nearly as long; it bounds what an error message can quote. */
const MAX_TEXT = 1024;

/** A zod schema from a parser that throws a {@link WeftError}; the issue's message is the error's line. */
export function leaf<T>(parse: (value: unknown) => T) {
  return z.unknown().transform((value, context): T => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      context.addIssue({ code: 'custom', message: error.line });
      return z.NEVER;
    }
  });
}

/** A {@link leaf} that wants text. */
export function textLeaf<T>(parse: (text: string) => T) {
  return leaf(value => parse(requireText(value)));
}

function requireText(value: unknown): string {
  requireValue(value);
  if (typeof value !== 'string') {
    throw new WeftError('invalid_argument', `expected text, not ${describe(value)}`, {
      hint: 'put it in quotes if it is meant as text',
    });
  }
  if (value === '') throw new WeftError('invalid_argument', 'is an empty text', { hint: 'give it a value' });
  if (value.length > MAX_TEXT) {
    throw new WeftError('invalid_argument', `is longer than ${MAX_TEXT} characters`, { hint: 'shorten it' });
  }
  return value;
}

/** A whole number from `min` to `max`; `what` names it, as in "a UDP port". */
export function numberLeaf(what: string, min: number, max: number) {
  return leaf(value => {
    requireValue(value);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new WeftError('invalid_argument', `${describe(value)} is not ${what}`, {
        hint: `write a whole number from ${min} to ${max}`,
      });
    }
    return value;
  });
}

/** One of a few words. */
export function wordLeaf<T extends string>(words: readonly T[]) {
  return leaf(value => {
    requireValue(value);
    const word = words.find(candidate => candidate === value);
    if (word === undefined) {
      throw new WeftError('invalid_argument', `${describe(value)} is not known here`, {
        hint: `write ${words.join(', ').replace(/, ([^,]*)$/, ' or $1')}`,
      });
    }
    return word;
  });
}

export function requireValue(value: unknown): void {
  if (value === undefined) throw new WeftError('invalid_argument', 'is missing', { hint: 'add it' });
  if (value === null) {
    throw new WeftError('invalid_argument', 'has no value', { hint: 'give it one, or remove the key' });
  }
}

const SHOWN_LENGTH = 60;

/** A value as it can be shown within one line. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}
