/** What a descriptor of /dev/net/tun is: the flags of TUNSETIFF, linux/if_tun.h. */
import { IFNAMSIZ, interfaceRequest, tryControl } from './ifreq.ts';

const IFF_TAP = 0x0002;
export const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** Of all our TAPs. */
export const TAP_FLAGS = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

/** _IOR('T', 210, unsigned int). */
const TUNGETIFF = 0x8004_54d2;

/** Of the device behind it, or the errno: EBADFD when there is none (any more). */
export function tunFlags(fd: number): number | { readonly errno: number } {
  const request = interfaceRequest('');
  const errno = tryControl(fd, TUNGETIFF, request);
  return errno === 0 ? request.readUInt16LE(IFNAMSIZ) : { errno };
}
