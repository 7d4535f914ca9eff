/**
 * `multicast-listen GROUP PORT INTERFACE`: joins the group on the interface with this address and prints each
 * datagram as `{from, text}` until it is ended.
 */
import { createSocket } from 'node:dgram';
import { argument, numberArgument, print } from './main.ts';

const group = argument(0, 'GROUP');
const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (message, from) => print({ from: from.address, text: message.toString() }));
socket.bind(numberArgument(1, 'PORT'), () => {
  socket.addMembership(group, argument(2, 'INTERFACE'));
  print('ready');
});
