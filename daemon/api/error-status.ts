/** How a WeftError travels over HTTP. */
import type { ErrorCode } from '../../dataplane/errors.ts';

/** The body of every answer that is not 2xx. */
export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint?: string | undefined };
}

export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  invalid_config: 400,
  malformed: 400,
  not_permitted: 403,
  not_found: 404,
  conflict: 409,
  system: 500,
  unavailable: 503,
};

export function isErrorBody(value: unknown): value is ErrorBody {
  if (typeof value !== 'object' || value === null || !('error' in value)) return false;
  const { error } = value;
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, hint } = error as Readonly<Record<string, unknown>>;
  return (
    typeof code === 'string' &&
    Object.hasOwn(HTTP_STATUS, code) &&
    typeof message === 'string' &&
    (hint === undefined || typeof hint === 'string')
  );
}
