/** What the kernel dropped at our UDP sockets, from /proc/net/udp and udp6 (net/ipv4/udp.c, udp4_format_sock). */
import { readFile } from 'node:fs/promises';

/** The datagrams dropped at all sockets that are bound to a port of this network namespace. */
export async function socketDrops(ports: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const files = await Promise.all(['udp', 'udp6'].map(readTable));
  return new Map(ports.map(port => [port, dropsOf(port, files.join('\n'))]));
}

/** A kernel without IPv6 has no udp6. */
function readTable(name: string): Promise<string> {
  return readFile(`/proc/self/net/${name}`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

/** The second column is ADDRESS:PORT in hexadecimal, the last one the drops. */
export function dropsOf(port: number, table: string): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, local = '']) => local.endsWith(suffix))
    .reduce((sum, fields) => sum + Number(fields.at(-1)), 0);
}
