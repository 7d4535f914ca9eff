/** What must be true of the machine before anything is made: each failure is one line that says what to do. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { WeftError } from '../dataplane/errors.ts';

/** Bits of linux/capability.h. */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 } as const;

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
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new WeftError('unavailable', 'there is no usable /dev/net/tun', {
      hint: 'load the module (modprobe tun), or give the container the device (--device /dev/net/tun)',
      cause,
    });
  }
}
