import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { systemClock } from '../../dataplane/clock.ts';
import type { Host } from './host.ts';
import { readPcap } from './pcap.ts';
import { waitFor } from './wait-for.ts';

/** For the burst that comes while tcpdump does not get a processor. */
const BUFFER_KIB = '65536';

/**
 * A running capture on one interface of a host. Frames are there as soon as tcpdump has seen them (immediate mode), so
 * tests wait for a frame instead of waiting a while.
 */
export class Capture {
  private readonly child: ChildProcess;
  private readonly chunks: Buffer[] = [];
  private said = '';
  private ended = false;

  private constructor(host: Host, ifname: string, filter: string) {
    const args = ['--immediate-mode', '-U', '-B', BUFFER_KIB, '-w', '-', '-i', ifname];
    this.child = spawn(
      'ip',
      ['netns', 'exec', host.netns, 'tcpdump', ...args, ...filter.split(' ').filter(word => word !== '')],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.child.stdout?.on('data', (chunk: Buffer) => this.chunks.push(chunk));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    this.child.on('close', () => {
      this.ended = true;
    });
  }

  /** Starts a capture and returns when it is running. `filter` is in the language of pcap-filter(7). */
  static async start(host: Host, ifname: string, filter = ''): Promise<Capture> {
    const capture = new Capture(host, ifname, filter);
    await waitFor(() => capture.said.includes('listening on') || capture.ended, {
      what: `tcpdump on ${ifname} of ${host.name}`,
      intervalMs: 10,
    });
    if (capture.ended) throw new Error(`tcpdump on ${ifname} of ${host.name} failed: ${capture.said}`);
    return capture;
  }

  /** The frames seen up to now, from the Ethernet header on. */
  frames(): Buffer[] {
    return readPcap(Buffer.concat(this.chunks));
  }

  /** Waits until nothing has been captured for so long: until what was started has said all that it says unasked. */
  async silence(ms: number, timeoutMs = 30_000): Promise<void> {
    let seen = -1;
    let since = 0;
    await waitFor(
      () => {
        const now = systemClock.now();
        const count = this.frames().length;
        if (count !== seen) [seen, since] = [count, now];
        return now - since >= ms;
      },
      { what: `${ms} ms of silence`, timeoutMs },
    );
  }

  /** Ends the capture. Its frames stay. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await waitFor(() => this.ended, { what: 'tcpdump to end', intervalMs: 10 });
  }

  /** Writes what was captured into a file that other programs can read. */
  save(path: string): void {
    writeFileSync(path, Buffer.concat(this.chunks));
  }
}
