/**
 * Sockets that were opened before the daemon started, by systemd or whoever starts it (sd_listen_fds(3)): who connects while the daemon is down
 * waits for it instead of being refused.
 */
import { WeftError } from '../dataplane/errors.ts';

/** SD_LISTEN_FDS_START of sd-daemon.h. */
const FIRST_DESCRIPTOR = 3;

/** Names that our units give (FileDescriptorName=). */
export const SOCKET_NAMES = ['api', 'docker'] as const;
export type SocketName = (typeof SOCKET_NAMES)[number];

export type InheritedSockets = ReadonlyMap<SocketName, number>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Descriptors by name; empty if there are none, or they are meant for another process. Throws `invalid_argument` for one without a use. */
export function inheritedSockets(env: Environment, pid: number): InheritedSockets {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
  const found = new Map<SocketName, number>();
  if (LISTEN_PID !== String(pid) || LISTEN_FDS === undefined) return found;
  const names = LISTEN_FDNAMES.split(':');
  for (let index = 0; index < Number(LISTEN_FDS); index++) {
    const given = names[index] ?? '';
    const name = SOCKET_NAMES.find(known => known === given);
    if (name === undefined || found.has(name)) {
      throw new WeftError('invalid_argument', `weft was given a socket "${given}" that it has no use for`, {
        hint: `set FileDescriptorName= of its unit to ${SOCKET_NAMES.join(' or ')}, each once`,
      });
    }
    found.set(name, FIRST_DESCRIPTOR + index);
  }
  return found;
}
