/** Errors as the CNI specification has them (1.1.0, section 5): a runtime decides by the code what to do next. */
import { type ErrorCode, WeftError } from '../../dataplane/errors.ts';

export const CNI_ERROR = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  undecodable: 6,
  invalidConfig: 7,
  /** "If the plugin detects some transient condition that should clear up": the runtime may try again. */
  tryAgain: 11,
  /** Of STATUS: no ADD can be served. */
  notAvailable: 50,
  /** The same, and containers that are there may have no connection. */
  limited: 51,
  /** Codes of our own begin at 100. */
  conflict: 100,
  notAsItWas: 101,
} as const;

export type CniErrorCode = (typeof CNI_ERROR)[keyof typeof CNI_ERROR];

export class CniError extends Error {
  override readonly name = 'CniError';
  readonly code: CniErrorCode;
  readonly details: string;

  constructor(code: CniErrorCode, message: string, details = '') {
    super(message);
    this.code = code;
    this.details = details;
  }
}

const CODES: Readonly<Record<ErrorCode, CniErrorCode>> = {
  invalid_argument: CNI_ERROR.invalidConfig,
  invalid_config: CNI_ERROR.invalidConfig,
  not_found: CNI_ERROR.invalidConfig,
  conflict: CNI_ERROR.conflict,
  unavailable: CNI_ERROR.tryAgain,
  not_permitted: CNI_ERROR.io,
  malformed: CNI_ERROR.undecodable,
  system: CNI_ERROR.io,
};

/** What a runtime is told of any error; undefined: it is a defect of ours. */
export function cniErrorOf(error: unknown): CniError | undefined {
  if (error instanceof CniError) return error;
  if (error instanceof WeftError) return new CniError(CODES[error.code], error.message, error.hint ?? '');
  return undefined;
}
