/**
 * The process between systemd and this one (daemon/systemd/native/relay.c): what we tell systemd goes through it, and it ends when we say so, though we
 * go on. From then on nothing that we say is heard: the next process speaks for the service.
 */
import { WeftError } from '../../dataplane/errors.ts';
import { batchIo } from '../../dataplane/native/batch-io.ts';
import type { Notify } from '../systemd/service-manager.ts';

/** SOCKET_VARIABLE of relay.c. */
const VARIABLE = 'WEFT_RELAY';

/** RELEASE of relay.c: no message of sd_notify(3) is like it. */
const RELEASE = 'weft-relay: released';

export interface Relay {
  /** Tells the service manager: 0, or a negative errno. */
  readonly notify: Notify;
  /** Ends it: for systemd, the service has ended. From now on nothing ends this process but itself. Call it once, from the main thread. */
  release(): void;
}

/** Reads WEFT_RELAY and takes it away; undefined: there is none. Call it once, before anything is started. */
export function takeRelay(
  environment: NodeJS.ProcessEnv,
  { adopt = batchIo.adoptDescriptor }: { readonly adopt?: (fd: number) => number } = {},
): Relay | undefined {
  const { [VARIABLE]: text = '' } = environment;
  delete environment[VARIABLE];
  const fd = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (fd === undefined || adopt(fd) !== 0) return undefined;
  return {
    notify: (_, message, fds) => batchIo.tellService(fd, message, fds),
    release() {
      check('prctl(PR_SET_PDEATHSIG)', batchIo.outliveParent());
      check('a message to weft-relay', batchIo.tellService(fd, RELEASE, []));
      batchIo.closeDescriptor(fd);
    },
  };
}

function check(what: string, result: number): void {
  if (result < 0) throw new WeftError('system', `${what} failed with errno ${-result}`);
}
