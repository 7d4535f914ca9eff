/** What must be true of the machine before anything is made: each failure is one line that says what to do. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { WeftError } from '../dataplane/errors.ts';
import { injectedErrno } from '../dataplane/fault-injection.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import { probeSuperFrames } from '../dataplane/tap-device.ts';

/** Bits of linux/capability.h. */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 } as const;

const TUN_DEVICE = '/dev/net/tun';
/** Major 10 (misc), minor 200, as `st_rdev` has them. */
const TUN_RDEV = (10 << 8) | 200;

/** Throws `not_permitted` or `unavailable`. */
export function checkMachine(): void {
  const effective = BigInt(
    `0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0}`,
  );
  for (const [name, bit] of Object.entries(CAPABILITIES)) {
    if ((effective >> BigInt(bit)) % 2n === 0n) {
      throw new WeftError('not_permitted', `weft needs ${name} to make and move network interfaces`, {
        hint: 'run the daemon as root',
      });
    }
  }
  if (!isTunDevice()) {
    throw new WeftError('unavailable', 'there is no usable /dev/net/tun', {
      hint: 'load the module (modprobe tun), or give the container the device (--device /dev/net/tun)',
    });
  }
}

/** Finds out which offloads the kernel grants TAP devices, and notes those that it does not. `passed`: a TAP that is open already, to ask by. */
export function probeTapOffloads(offloads: OffloadStates, passed?: number): OffloadStates {
  const injected = { tso: injectedErrno('tap-tso@start'), uso: injectedErrno('tap-uso@start') };
  const granted = probeSuperFrames(injected, passed);
  if (!granted.tso) offloads.missing('tap-tso');
  if (!granted.uso) offloads.missing('tap-uso');
  return offloads;
}

/** A character device with the numbers of Documentation/admin-guide/devices.txt, readable and writable. */
function isTunDevice(): boolean {
  try {
    accessSync(TUN_DEVICE, constants.R_OK | constants.W_OK);
    const status = statSync(TUN_DEVICE);
    return status.isCharacterDevice() && status.rdev === TUN_RDEV;
  } catch {
    return false;
  }
}
