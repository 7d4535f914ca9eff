/** Ports of the VM that a program has: /proc/net/{tcp,udp}{,6} (proc_pid_net(5)). */
import { readFile } from 'node:fs/promises';

export type Transport = 'tcp' | 'udp';

/** TCP_LISTEN of include/net/tcp_states.h. */
const LISTEN = '0A';

export async function listeningPorts(): Promise<Readonly<Record<Transport, ReadonlySet<number>>>> {
  return { tcp: await portsOf('tcp'), udp: await portsOf('udp') };
}

async function portsOf(transport: Transport): Promise<ReadonlySet<number>> {
  // Without IPv6 there is no second one.
  const tables = ['', '6'].map(suffix => readFile(`/proc/net/${transport}${suffix}`, 'utf8').catch(() => ''));
  return new Set((await Promise.all(tables)).flatMap(text => parseTable(transport, text)));
}

/** A line: `0: 0100007F:1F90 00000000:0000 0A …`, numbers in hex. Of UDP every socket counts, for none says whether it listens. */
export function parseTable(transport: Transport, text: string): readonly number[] {
  return text.split('\n').flatMap(line => {
    const [, port = '', state] = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /.exec(line) ?? [];
    const counts = port !== '' && (transport === 'udp' || state === LISTEN);
    return counts ? [Number.parseInt(port, 16)] : [];
  });
}
