/** What operators do with the configuration of a running daemon: the API offers it, the command line asks for it. */
import * as z from 'zod';
import { checkRequest } from '../api/check-request.ts';
import { MAX_CONFIG_BYTES } from '../config/load.ts';

export interface ConfigApplyRequest {
  readonly text: string;
  /** How messages call it. */
  readonly file: string;
  /** Taken back by itself after so long, in milliseconds, unless it is confirmed. Undefined: it stays. */
  readonly confirmMs?: number | undefined;
}

export interface ConfigApplyReport {
  /** A line for each key or network; none: the running configuration is the same. */
  readonly changes: readonly string[];
  /** The file that the daemon starts from; it is not written by the daemon. */
  readonly path: string;
  /** Seconds until it is taken back; null: it stays. */
  readonly confirm_s: number | null;
}

export interface ConfigConfirmReport extends Omit<ConfigApplyReport, 'confirm_s'> {
  /** The file as it was applied, for who writes it. */
  readonly text: string;
}

export interface ConfigReport {
  readonly path: string;
  /** Applied, and taken back by itself unless it is confirmed. */
  readonly pending: { readonly remaining_s: number; readonly changes: readonly string[] } | null;
  /** Why the last change was not taken; null: it was. */
  readonly refused: string | null;
  /** What runs, in the shape of the file, with all defaults; of a key of gossip the fingerprint. */
  readonly config: unknown;
}

export interface ConfigOperations {
  /** All or nothing. Throws `invalid_config` as the start does, `conflict` for what needs a restart or is in the way. */
  applyConfig(request: ConfigApplyRequest): Promise<ConfigApplyReport>;
  /** Throws `not_found` when nothing waits to be confirmed. */
  confirmConfig(): Promise<ConfigConfirmReport>;
  showConfig(): Promise<ConfigReport>;
}

/** In milliseconds: a day. */
export const MAX_CONFIRM = 86_400_000;

/** A body is JSON, in which a character of the file takes six at the most. */
export const MAX_APPLY_BYTES = 6 * MAX_CONFIG_BYTES + 4096;

const applyBody = z.strictObject({
  text: z.string('expected text'),
  file: z.string('expected text').max(4096, 'too long'),
  confirmMs: z
    .number('expected a number of milliseconds')
    .min(1, 'too short')
    .max(MAX_CONFIRM, 'longer than a day')
    .optional(),
});

/** Throws `invalid_argument`. */
export function parseApplyRequest(body: unknown): ConfigApplyRequest {
  return checkRequest('apply the configuration', applyBody, body);
}
