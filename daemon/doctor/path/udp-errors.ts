/** How many datagrams the kernel has dropped for their checksums: RFC 4113 has no counter of them, Linux has InCsumErrors. */

type ReadText = (path: string, encoding: 'utf8') => Promise<string>;

/** IPv4 and IPv6 together; null if it cannot be read. */
export async function checksumErrors(read: ReadText): Promise<number | null> {
  try {
    const [snmp, snmp6] = await Promise.all([
      read('/proc/self/net/snmp', 'utf8'),
      // A kernel without IPv6 has none.
      read('/proc/self/net/snmp6', 'utf8').catch(() => ''),
    ]);
    return parseSnmp(snmp) + Number(/^Udp6InCsumErrors\s+(\d+)$/m.exec(snmp6)?.[1] ?? 0);
  } catch {
    return null;
  }
}

/** Two lines for each protocol: names, and numbers in the same order. */
function parseSnmp(text: string): number {
  const [names = '', numbers = ''] = text.split('\n').filter(line => line.startsWith('Udp: '));
  const at = names.split(' ').indexOf('InCsumErrors');
  return at === -1 ? 0 : Number(numbers.split(' ')[at] ?? 0);
}
