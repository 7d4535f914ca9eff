/** TCP at a fixed rate for as long as the soak goes on. What has arrived is asked of the receiving sockets. */
import type { LabProcess } from '../../daemon/lab/lab-process.ts';
import type { Pair } from './machines.ts';

const PORT = 5210;
/** Several, so that they leave by several underlay sockets. */
const STREAMS = 4;

/** Bytes that were received in order by all sockets of what `ss -ti` prints. Throws when it tells of none. */
export function receivedBytes(sockets: string): number {
  const counts = [...sockets.matchAll(/\bbytes_received:(\d+)/g)].map(([, bytes]) => Number(bytes));
  if (counts.length === 0) throw new Error('the receiver of the bulk has no connection');
  return counts.reduce((sum, bytes) => sum + bytes, 0);
}

export class Bulk {
  private readonly pair: Pair;
  private readonly listener: LabProcess;
  private readonly sender: LabProcess;

  private constructor(pair: Pair, listener: LabProcess, sender: LabProcess) {
    this.pair = pair;
    this.listener = listener;
    this.sender = sender;
  }

  static async start(
    pair: Pair,
    options: { readonly mbit: number; readonly seconds: number },
  ): Promise<Bulk> {
    const listener = pair.server.spawn('iperf3', [
      ...['--server', '--one-off', '--forceflush', '--interval', '0', '--port', `${PORT}`],
    ]);
    await listener.waitForOutput('Server listening');
    const bitrate = Math.round((options.mbit * 1e6) / STREAMS);
    const sender = pair.client.spawn('iperf3', [
      ...['--client', pair.address, '--port', `${PORT}`, '--time', `${options.seconds}`, '--interval', '0'],
      ...['--parallel', `${STREAMS}`, '--bitrate', `${bitrate}`],
    ]);
    return new Bulk(pair, listener, sender);
  }

  /** Bytes so far. Throws when the stream has ended. */
  async received(): Promise<number> {
    if (!this.sender.running) throw new Error(`the bulk has ended\n${this.sender.report()}`);
    const { stdout } = await this.pair.server.exec('ss', [
      '-tinH',
      'state',
      'established',
      'sport',
      '=',
      `:${PORT}`,
    ]);
    return receivedBytes(stdout);
  }

  async stop(): Promise<void> {
    await this.sender.stop('SIGKILL');
    await this.listener.stop('SIGKILL');
  }
}
