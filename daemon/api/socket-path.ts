/** Where the API's Unix socket is. */
import { join } from 'node:path';

/** sun_path has 108 bytes with its NUL (unix(7)). */
export const MAX_SOCKET_PATH = 107;

/** A dot and the daemon's PID, at most 4194304: a socket is made under that name first. */
export const LONGEST_SUFFIX = '.4194304'.length;

const LONGEST_NAME = '/api.sock'.length + LONGEST_SUFFIX;

/** Bytes that the run directory's path may have. */
export const MAX_DIRECTORY = MAX_SOCKET_PATH - LONGEST_NAME;

export function socketPathIn(runDirectory: string): string {
  return join(runDirectory, 'api.sock');
}

export const DEFAULT_SOCKET_PATH = '/run/weft/api.sock';
