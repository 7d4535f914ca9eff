import { runCommand } from './run-command.ts';

/** Severity of Wireshark's expert information (epan/proto.h, PI_WARN): from here on something is wrong with a packet. */
const EXPERT_WARNING = 0x0060_0000;

/** Let it verify every checksum, inner and outer; by default it believes them. */
const VERIFY = ['ip', 'tcp', 'udp'].flatMap(protocol => ['-o', `${protocol}.check_checksum:TRUE`]);

/** Its opinion of how TCP fares (a full window, a segment that came late) is none about the packets' format. */
const NO_TCP_ANALYSIS = ['-o', 'tcp.analyze_sequence_numbers:FALSE'];

/**
 * Decodes a capture file and returns the values of the given fields, one row for each packet that `filter` selects.
 * A field that occurs several times in a packet (inner and outer headers) gives all values, outermost first.
 */
export async function tsharkFields<K extends string>(
  file: string,
  filter: string,
  fields: readonly K[],
): Promise<Record<K, string[]>[]> {
  const args = [
    '-r',
    file,
    ...VERIFY,
    ...NO_TCP_ANALYSIS,
    '-Y',
    filter,
    '-T',
    'fields',
    '-E',
    'separator=/t',
    '-E',
    'aggregator=,',
  ];
  const { stdout } = await runCommand('tshark', [...args, ...fields.flatMap(field => ['-e', field])]);
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const columns = line.split('\t');
      return Object.fromEntries(
        fields.map((field, i) => [field, (columns[i] ?? '').split(',').filter(value => value !== '')]),
      ) as Record<K, string[]>;
    });
}

/** Wireshark's complaints about the packets of a file, warnings and errors; empty when it has none. */
export async function tsharkComplaints(file: string): Promise<string[]> {
  const rows = await tsharkFields(file, '_ws.expert', [
    'frame.number',
    '_ws.expert.severity',
    '_ws.expert.message',
  ]);
  return rows
    .filter(row => row['_ws.expert.severity'].some(severity => Number(severity) >= EXPERT_WARNING))
    .map(row => `frame ${row['frame.number'].join()}: ${row['_ws.expert.message'].join(', ')}`);
}
