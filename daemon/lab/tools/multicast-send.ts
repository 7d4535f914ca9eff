/**
 * `multicast-send GROUP[,GROUP…] PORT INTERFACE TEXT`: sends one datagram to each group from the interface with this address;
 * a broadcast address is a group too.
 */
import { createSocket } from 'node:dgram';
import { argument, numberArgument, print } from './main.ts';

const groups = argument(0, 'GROUP').split(',');
const port = numberArgument(1, 'PORT');
const text = argument(3, 'TEXT');
const socket = createSocket('udp4');
socket.bind(0, argument(2, 'INTERFACE'), async () => {
  socket.setMulticastInterface(argument(2, 'INTERFACE'));
  // A copy for the sender's own listeners would hide whether the network brings one.
  socket.setMulticastLoopback(false);
  socket.setBroadcast(true);
  for (const group of groups) {
    await new Promise<void>((resolve, reject) => {
      socket.send(text, port, group, error => (error === null ? resolve() : reject(error)));
    });
  }
  socket.close();
  print({ sent: groups.length });
});
