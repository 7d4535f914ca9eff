/**
 * Raw sockets (raw(7)): datagrams that are sent as they are, past what the kernel remembers of the path and past the checksums of network
 * cards, and the ICMP errors that come back. They live in the process of `weft doctor`, not in the daemon: it needs no CAP_NET_RAW for
 * them, and raw-socket, whose addon can be loaded once in a process and whose descriptors are inherited, stays out of it.
 */
import { constants } from 'node:os';
import { AddressFamily, createSocket } from 'raw-socket';
import { probeDatagram } from './datagram.ts';
import { complaintOf } from './icmp.ts';
import type { Complaint, PathSession } from './path-facts.ts';
import type { RawSender } from './path-prober.ts';

/** IPPROTO_RAW: sends only, with a header of our own, for both families. */
const IPPROTO_RAW = 255;
const ICMP = 1;
const ICMP6 = 58;

/** Any that the VXLAN sockets do not have: answers go to the VXLAN port in any case. */
const SOURCE_PORT = 4788;

/** Messages of strerror(3) that matter. */
const ERRNOS: Readonly<Record<string, number>> = {
  'Message too long': constants.errno.EMSGSIZE,
  'Operation not permitted': constants.errno.EPERM,
  'Network is unreachable': constants.errno.ENETUNREACH,
  'No route to host': constants.errno.EHOSTUNREACH,
};

const MAX_COMPLAINTS = 32;

/** Throws the system's error, if this process may not have raw sockets. */
export async function openRawSender(session: PathSession): Promise<RawSender> {
  const { address, port } = session.to;
  const isV6 = address.includes(':');
  const addressFamily = isV6 ? AddressFamily.IPv6 : AddressFamily.IPv4;
  const out = createSocket({ addressFamily, protocol: IPPROTO_RAW });
  const errors = createSocket({ addressFamily, protocol: isV6 ? ICMP6 : ICMP });
  const heard: Complaint[] = [];
  errors.on('message', (message, from) => {
    const complaint = complaintOf(message, from, { to: address, port });
    if (complaint !== undefined && heard.length < MAX_COMPLAINTS) heard.push(complaint);
  });
  for (const socket of [out, errors]) socket.on('error', () => {});
  return {
    send(packet) {
      const datagram = probeDatagram({ ...packet, sourcePort: SOURCE_PORT });
      return new Promise(resolve => {
        out.send(datagram, 0, datagram.length, packet.to, error => {
          resolve(error === null ? 0 : (ERRNOS[error.message] ?? constants.errno.EIO));
        });
      });
    },
    complaints: () => heard,
    close() {
      out.close();
      errors.close();
    },
  };
}
