/** The process between systemd and this one (daemon/systemd/native/relay.c): it ends when we say so, though we go on. */
import { writeSync } from 'node:fs';
import { WeftError } from '../../dataplane/errors.ts';
import { batchIo } from '../../dataplane/native/batch-io.ts';

/** RELEASE_VARIABLE of relay.c. */
const VARIABLE = 'WEFT_RELAY';

export interface Relay {
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
    release() {
      const errno = -batchIo.outliveParent();
      if (errno !== 0) throw new WeftError('system', `prctl(PR_SET_PDEATHSIG) failed with errno ${errno}`);
      writeSync(fd, 'r');
      batchIo.closeDescriptor(fd);
    },
  };
}
