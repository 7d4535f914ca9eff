/** TCP with any number of streams: one iperf3 has 128 at the most, so many are spread over several. */
import type { Host } from '../../daemon/lab/host.ts';
import { parseIperf } from '../../daemon/lab/iperf.ts';

/** MAX_STREAMS of iperf3 (src/iperf.h). */
const STREAMS_OF_ONE = 128;
const FIRST_PORT = 5201;

/** Goodput from `client` to `server` in bits per second, all streams together, after a second that does not count. */
export async function tcpStreams(
  client: Host,
  server: Host,
  options: { readonly address: string; readonly seconds: number; readonly streams: number },
): Promise<number> {
  const { address, seconds, streams } = options;
  const processes = Math.ceil(streams / STREAMS_OF_ONE);
  const ports = Array.from({ length: processes }, (_, i) => FIRST_PORT + i);
  const listeners = ports.map(port =>
    server.spawn('iperf3', ['--server', '--one-off', '--forceflush', '--port', String(port)]),
  );
  try {
    await Promise.all(listeners.map(listener => listener.waitForOutput('Server listening')));
    const rates = await Promise.all(
      ports.map(async (port, i) => {
        // As even as can be: 1000 streams are 8 × 125.
        const share = Math.floor((streams + i) / processes);
        const args = ['--client', address, '--port', String(port), '--json', '--omit', '1'];
        args.push('--time', String(seconds), '--parallel', String(share));
        const { stdout } = await client.exec('iperf3', args, {
          timeoutMs: (seconds + 40) * 1000,
          check: false,
        });
        return parseIperf(stdout).bitsPerSecond;
      }),
    );
    return rates.reduce((sum, rate) => sum + rate, 0);
  } finally {
    await Promise.all(listeners.map(listener => listener.stop('SIGKILL')));
  }
}
