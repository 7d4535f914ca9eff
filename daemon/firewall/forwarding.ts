/**
 * Whether the kernel forwards at all, interface by interface: packets are forwarded where they come in. The interfaces of our networks are
 * ours to set; those that answers from outside come in on are not. Where they forward nothing, they are opened, which is remembered and
 * undone, and the rules keep them from forwarding anything else (rules.ts, `opened`).
 *
 * IPv4 has a switch for each interface (net.ipv4.conf.IF.forwarding). IPv6 has one since Linux 6.17 (net.ipv6.conf.IF.force_forwarding); before, there
 * is only the one for all, with which the VM takes no more routes from router advertisements unless accept_ra is 2
 * (Documentation/networking/ip-sysctl.rst).
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { readStateFile, writeStateFile } from '../state-file.ts';

/** Settings below /proc/sys/net, by paths as in ipv4/ip_forward. */
export interface NetSettings {
  /** undefined: there is no such setting. */
  read(path: string): Promise<string | undefined>;
  /** What is not there is passed over. */
  write(path: string, value: string): Promise<void>;
  /** Interfaces that answers may come in on: up, with an address of the family that others can reach. */
  devices(family: 'ipv4' | 'ipv6'): readonly string[];
}

export interface Opened {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

const NONE: Opened = { v4: [], v6: [] };

/** What a setting was before us, by its path. */
const fileSchema = z.object({ version: z.literal(1), former: z.record(z.string(), z.string()) });

export class Forwarding {
  private readonly settings: NetSettings;
  private readonly file: string;
  private former: Readonly<Record<string, string>> | undefined;

  constructor(modules: { readonly settings: NetSettings }, options: { readonly stateDirectory: string }) {
    this.settings = modules.settings;
    this.file = join(options.stateDirectory, 'forwarding.json');
  }

  /** Has packets forwarded between `devices`, which are ours, and all other interfaces. Returns those that were opened for it. Throws `system`. */
  async enable(devices: { readonly v4: readonly string[]; readonly v6: readonly string[] }): Promise<Opened> {
    if (devices.v4.length === 0 && devices.v6.length === 0) {
      await this.restore();
      return NONE;
    }
    await this.load();
    const v4 = devices.v4.length === 0 ? [] : await this.enableV4(devices.v4);
    const v6 = devices.v6.length === 0 ? [] : await this.enableV6(devices.v6);
    return { v4, v6 };
  }

  /** Puts everything back that was changed, also by an earlier run. Throws `system`. */
  async restore(): Promise<void> {
    await this.load();
    const { former = {} } = this;
    if (Object.keys(former).length === 0) return;
    for (const [path, value] of Object.entries(former)) await this.settings.write(path, value);
    await rm(this.file, { force: true });
    this.former = {};
  }

  private async enableV4(own: readonly string[]): Promise<readonly string[]> {
    const { settings } = this;
    for (const device of own) await settings.write(`ipv4/conf/${device}/forwarding`, '1');
    // Somebody wants all of them to forward: then there is nothing to open, and nothing of ours to put back.
    if ((await settings.read('ipv4/ip_forward')) === '1') {
      await this.disown('ipv4/');
      return [];
    }
    const opened: string[] = [];
    for (const device of settings.devices('ipv4')) {
      if (own.includes(device)) continue;
      const path = `ipv4/conf/${device}/forwarding`;
      if (await this.change(path, '0', '1')) opened.push(device);
    }
    return opened;
  }

  private async enableV6(own: readonly string[]): Promise<readonly string[]> {
    const { settings } = this;
    if (
      (await settings.read('ipv6/conf/all/forwarding')) === '1' &&
      !this.isChanged('ipv6/conf/all/forwarding')
    ) {
      await this.disown('ipv6/');
      return [];
    }
    const isByInterface = (await settings.read('ipv6/conf/all/force_forwarding')) !== undefined;
    if (isByInterface)
      for (const device of own) await settings.write(`ipv6/conf/${device}/force_forwarding`, '1');
    const opened: string[] = [];
    for (const device of settings.devices('ipv6')) {
      if (own.includes(device)) continue;
      if (isByInterface) {
        if (await this.change(`ipv6/conf/${device}/force_forwarding`, '0', '1')) opened.push(device);
        continue;
      }
      await this.change(`ipv6/conf/${device}/accept_ra`, '1', '2');
      opened.push(device);
    }
    if (!isByInterface) await this.change('ipv6/conf/all/forwarding', '0', '1');
    return opened;
  }

  private isChanged(path: string): boolean {
    return this.former?.[path] !== undefined;
  }

  /** Whether it is as it should be because of us. */
  private async change(path: string, from: string, to: string): Promise<boolean> {
    const { settings } = this;
    const now = await settings.read(path);
    if (now === to) return this.isChanged(path);
    if (now !== from) return false;
    // On the disk first: a daemon that is killed leaves nothing that the next one does not know of.
    if (!this.isChanged(path)) await this.save({ ...this.former, [path]: from });
    await settings.write(path, to);
    return true;
  }

  /** Somebody else has set them since. */
  private async disown(prefix: string): Promise<void> {
    const kept = Object.entries(this.former ?? {}).filter(([path]) => !path.startsWith(prefix));
    if (kept.length !== Object.keys(this.former ?? {}).length) await this.save(Object.fromEntries(kept));
  }

  private async load(): Promise<void> {
    if (this.former !== undefined) return;
    const text = await readStateFile(this.file);
    try {
      this.former = text === undefined ? {} : fileSchema.parse(JSON.parse(text)).former;
    } catch (cause) {
      throw new WeftError('system', `${this.file} is damaged or of another version`, {
        hint: 'remove it, and set net.ipv4.conf.*.forwarding as you want it',
        cause,
      });
    }
  }

  private async save(former: Readonly<Record<string, string>>): Promise<void> {
    await writeStateFile(this.file, `${JSON.stringify({ version: 1, former })}\n`);
    this.former = former;
  }
}

const ROOT = '/proc/sys/net';

export const systemNetSettings: NetSettings = {
  async read(path) {
    try {
      return (await readFile(`${ROOT}/${path}`, 'utf8')).trim();
    } catch (error) {
      return absent(path, error);
    }
  },
  async write(path, value) {
    try {
      await writeFile(`${ROOT}/${path}`, value);
    } catch (error) {
      absent(path, error);
    }
  },
  devices(family) {
    const wanted = family === 'ipv4' ? 'IPv4' : 'IPv6';
    return Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) => {
      const isReachable = addresses.some(
        address => !address.internal && address.family === wanted && !address.scopeid,
      );
      return isReachable ? [device] : [];
    });
  },
};

function absent(path: string, error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw new WeftError('system', `cannot set the sysctl ${path}: ${(error as Error).message}`, {
    cause: error,
  });
}
