/** What `ss -HnlpmO` prints of sockets (ss(8)). */
import type { SocketFact } from './host-facts.ts';

export function parseSockets(protocol: 'udp' | 'tcp', text: string): readonly SocketFact[] {
  return text.split('\n').flatMap(line => {
    const [, , , local = '', , ...rest] = line.trim().split(/\s+/);
    const [, address, port] = /^(.*):(\d+)$/.exec(local) ?? [];
    if (address === undefined) return [];
    const more = rest.join(' ');
    const [, name, pid] = /users:\(\("((?:[^"\\]|\\.)*)",pid=(\d+)/.exec(more) ?? [];
    return [
      {
        protocol,
        address: address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, ''),
        port: Number(port),
        process: name === undefined ? null : { name, pid: Number(pid) },
        receiveBuffer: Number(/\brb(\d+)/.exec(more)?.[1] ?? 0),
        drops: Number(/\bd(\d+)\)/.exec(more)?.[1] ?? 0),
      },
    ];
  });
}
