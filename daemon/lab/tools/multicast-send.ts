/** `multicast-send GROUP PORT INTERFACE TEXT`: sends one datagram from the interface with this address. */
import { createSocket } from 'node:dgram';
import { argument, numberArgument, print } from './main.ts';

const socket = createSocket('udp4');
socket.bind(0, argument(2, 'INTERFACE'), () => {
  socket.setMulticastInterface(argument(2, 'INTERFACE'));
  // A copy for the sender's own listeners would hide whether the network brings one.
  socket.setMulticastLoopback(false);
  socket.send(argument(3, 'TEXT'), numberArgument(1, 'PORT'), argument(0, 'GROUP'), error => {
    socket.close();
    if (error !== null) throw error;
    print({ sent: 1 });
  });
});
