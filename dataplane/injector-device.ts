/**
 * The two TAPs of the tunnel-GSO sender that no container sees: the injector, into which whole encapsulated frames are
 * written, and the observer of its self-test, which shows what the kernel makes of them. Both last as long as their
 * descriptor and not longer: nothing is left of them after a kill.
 */
import { WeftError } from './errors.ts';
import { control, integer, tryControl } from './ifreq.ts';
import { batchIo } from './native/batch-io.ts';
import {
  attachTun,
  openTunDevice,
  TSO_FLAGS,
  TUN_F_CSUM,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
  TUNSETVNETLE,
} from './tap-device.ts';

// linux/if_tun.h: GSO packets in UDP tunnels, also those with an outer checksum (Linux 6.17).
const TUN_F_UDP_TUNNEL_GSO = 0x080;
const TUN_F_UDP_TUNNEL_GSO_CSUM = 0x100;

/** linux/if_tun.h: refuse a device that is there already: it is not ours, for ours are gone with their descriptor. */
const IFF_TUN_EXCL = 0x8000;

/** sizeof(struct virtio_net_hdr_v1_hash_tunnel), linux/virtio_net.h: TUNNEL_VNET_HEADER of native/tunnel.h. */
const TUNNEL_VNET_HEADER_SIZE = 24;

export interface InjectorDevice {
  readonly fd: number;
  readonly name: string;
}

/**
 * Opens an injector in this thread's network namespace; it is down. Throws `unavailable` when the kernel takes no tunnel
 * super-frames (before Linux 6.17), `conflict` when the name is taken, else as openTap.
 */
export function openInjector(name: string): InjectorDevice {
  return open(name, fd => {
    const size = tryControl(fd, TUNSETVNETHDRSZ, integer(TUNNEL_VNET_HEADER_SIZE));
    const offloads = TUN_F_CSUM | TSO_FLAGS | TUN_F_UDP_TUNNEL_GSO | TUN_F_UDP_TUNNEL_GSO_CSUM;
    if (size !== 0 || tryControl(fd, TUNSETOFFLOAD, offloads) !== 0) {
      throw new WeftError('unavailable', 'this kernel takes no super-frames in tunnels (Linux 6.17 does)');
    }
    control(fd, `cannot set the vnet byte order of TAP ${name}`, TUNSETVNETLE, integer(1));
  });
}

/** Opens an observer: a TAP that can do nothing, so that the kernel cuts and completes whatever is sent to it. */
export function openObserver(name: string): InjectorDevice {
  return open(name, fd => {
    control(fd, `cannot set the offloads of TAP ${name}`, TUNSETOFFLOAD, 0);
  });
}

/** Closes a device of the two kinds, with which it disappears. */
export function closeInjector({ fd }: Pick<InjectorDevice, 'fd'>): void {
  batchIo.closeDescriptor(fd);
}

function open(name: string, prepare: (fd: number) => void): InjectorDevice {
  const fd = openTunDevice(null);
  try {
    attachTun(fd, name, IFF_TUN_EXCL);
    prepare(fd);
    return { fd, name };
  } catch (error) {
    batchIo.closeDescriptor(fd);
    throw error;
  }
}
