/** UDP sent as applications of today send it: many datagrams in one super-frame (UDP_SEGMENT, which Node cannot set). */
import type { Host } from './host.ts';

const PORT = 5003;
const BYTES = 1200;
const COUNT = 20;
const LAST = 7;

/** What {@link sendSuperDatagrams} returns when every datagram has arrived as it was sent. */
export const SUPER_DATAGRAMS_SENT: readonly string[] = [
  ...Array.from({ length: COUNT }, (_, i) => `${BYTES} ${i}`),
  `${LAST} ${COUNT}`,
];

/** Prints the length and the first byte of each datagram, until one of a single byte comes. */
const RECEIVE = `
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(('::', ${PORT}))
print('ready')
while True:
    data = s.recv(65535)
    if len(data) == 1: break
    print(len(data), data[0])
print('end')
`;

/** linux/udp.h: UDP_SEGMENT 103. */
const SEND = `
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, ${BYTES})
data = b''.join(bytes([i]) * ${BYTES} for i in range(${COUNT})) + bytes([${COUNT}]) * ${LAST}
s.sendto(data, (sys.argv[1], ${PORT}))
s.setsockopt(socket.IPPROTO_UDP, 103, 0)
s.sendto(b'x', (sys.argv[1], ${PORT}))
`;

/** Sends datagrams of 1,200 bytes and a shorter one in one call; returns length and first byte of each that arrived. */
export async function sendSuperDatagrams(from: Host, to: Host, address: string): Promise<readonly string[]> {
  const receiver = to.spawn('python3', ['-uc', RECEIVE]);
  try {
    await receiver.waitForOutput('ready');
    await from.exec('python3', ['-c', SEND, address]);
    await receiver.waitForOutput('end');
    return receiver.stdout.trim().split('\n').slice(1, -1);
  } finally {
    receiver.signal('SIGKILL');
  }
}
