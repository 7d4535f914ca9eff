/** The frame generator as a benchmark uses it. */
import { fileURLToPath } from 'node:url';
import type { Host } from '../../daemon/lab/host.ts';
import type { ProbeOptions } from './probe-frame.ts';

export interface FrameSpec extends ProbeOptions {
  /** It ends after so many seconds, or frames if that is earlier. */
  readonly seconds: number;
  readonly frames?: number;
  /** @default as fast as it can */
  readonly perSecond?: number;
}

const PROGRAM = fileURLToPath(new URL('./tools/generate.js', import.meta.url));

/** A port of a machine's bridge through which frames come in that nobody on the machine sent. */
export class Generator {
  private readonly vm: Host;
  private readonly ifname: string;

  private constructor(vm: Host, ifname: string) {
    this.vm = vm;
    this.ifname = ifname;
  }

  static async create(vm: Host, bridge: string): Promise<Generator> {
    const ifname = 'gen0';
    await vm.ip(
      `tuntap add dev ${ifname} mode tap vnet_hdr`,
      `link set dev ${ifname} master ${bridge}`,
      `link set dev ${ifname} up`,
    );
    return new Generator(vm, ifname);
  }

  async send(spec: FrameSpec): Promise<void> {
    const args = [PROGRAM, this.ifname, JSON.stringify(spec)];
    const { stdout } = await this.vm.exec(process.execPath, args, { timeoutMs: (spec.seconds + 30) * 1000 });
    const { sent, refused } = JSON.parse(stdout) as { sent: number; refused: number };
    if (sent === 0) throw new Error(`${this.vm.name} took none of ${refused} generated frames`);
  }
}
