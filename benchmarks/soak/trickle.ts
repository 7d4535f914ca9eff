/** Broadcast and multicast, ten frames a second of each: what every machine of the network gets a copy of. */
import { parsePing } from '../../daemon/lab/ping.ts';
import { BROADCAST, type Pair } from './machines.ts';
import type { Mishaps } from './mishaps.ts';

const ALL_HOSTS = '224.0.0.1';
const INTERVAL_S = 0.1;

/** For one window. The server of the pair answers to both, so an echo that nobody answers was not replicated. */
export async function trickle({ client }: Pair, seconds: number, mishaps: Mishaps): Promise<void> {
  const count = `${Math.floor((seconds - 1) / INTERVAL_S)}`;
  await Promise.all(
    [['-b', BROADCAST] as const, ['-I', 'eth0', ALL_HOSTS] as const].map(([flag, ...rest]) =>
      mishaps.attempt(`the trickle to ${rest.at(-1)}`, async () => {
        const args = ['-n', '-q', '-c', count, '-i', `${INTERVAL_S}`, '-w', `${seconds}`, flag, ...rest];
        const { stdout, stderr } = await client.exec('ping', args, {
          check: false,
          timeoutMs: (seconds + 20) * 1000,
        });
        const { received, sent } = parsePing(stdout + stderr);
        if (received === 0) throw new Error(`none of ${sent} was answered`);
      }),
    ),
  );
}
