/** What a user of a container feels while a daemon is exchanged: pings without an answer, and connections that end. */
import type { Container } from '../lab/container.ts';
import type { LabProcess } from '../lab/lab-process.ts';

export interface PingingEnd {
  readonly lost: number;
  readonly sent: number;
  /** The longest time without an answer, in milliseconds. */
  readonly gapMs: number;
  /** When it began, in milliseconds since 1970. */
  readonly gapAt: number;
}

/** Pings without end; each answer is one line with the time of its arrival. */
export class Pinging {
  private readonly process: LabProcess;

  constructor(from: Container, address: string, options: { readonly perSecond: number }) {
    this.process = from.spawn('ping', ['-D', '-i', String(1 / options.perSecond), address]);
  }

  get received(): number {
    return this.arrivals().length;
  }

  /** Stops it, and says what was not answered. */
  async end(): Promise<PingingEnd> {
    this.process.signal('SIGINT');
    await this.process.ended;
    const [, sent = '0', received = '0'] =
      /(\d+) packets transmitted, (\d+) received/.exec(this.process.stdout) ?? [];
    // The last ones were on their way.
    const lost = Math.max(0, Number(sent) - Number(received) - 2);
    return { lost, sent: Number(sent), ...longestGap(this.arrivals()) };
  }

  private arrivals(): number[] {
    return [...this.process.stdout.matchAll(/^\[(\d+\.\d+)\] \d+ bytes/gm)].map(
      ([, time]) => Number(time) * 1000,
    );
  }
}

function longestGap(times: readonly number[]): Pick<PingingEnd, 'gapMs' | 'gapAt'> {
  const gaps = times
    .slice(1)
    .map((time, i) => ({ gapMs: Math.round(time - (times[i] ?? time)), gapAt: times[i] ?? 0 }));
  return gaps.reduce((longest, gap) => (gap.gapMs > longest.gapMs ? gap : longest), { gapMs: 0, gapAt: 0 });
}

/** How often a connection of this container was ended by the other side, or given up. Asked while streams run: their end may count as one. */
export async function cutConnections(container: Container): Promise<number> {
  const counters = ['TcpEstabResets', 'TcpExtTCPAbortOnTimeout'];
  const { stdout } = await container.exec('nstat', ['-asz', ...counters]);
  const counts = counters.map(name => Number(new RegExp(`^${name} +(\\d+) `, 'm').exec(stdout)?.[1]));
  return counts.reduce((sum, count) => sum + count, 0);
}
