/**
 * `weft cni install`: puts the plugin and a conflist where container runtimes look for them. Each file is written beside its place and
 * renamed, for runtimes watch the directory: containerd 1.6 misses a file that is moved in from elsewhere.
 */
import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WeftError } from '../../dataplane/errors.ts';
import { packageRoot } from '../package-info.ts';

/** Where runtimes look, unless they are told otherwise. */
export const DEFAULT_BIN_DIRECTORY = '/opt/cni/bin';
export const DEFAULT_CONF_DIRECTORY = '/etc/cni/net.d';

/** The name of the plugin, as in `type` of a configuration. */
const PLUGIN = 'weft-cni';

/** What most runtimes of today speak; those of 1.1.0 take the higher one from cniVersions (CNI specification 1.1.0, section 1). */
const VERSION = '1.0.0';
const VERSIONS = ['0.4.0', '1.0.0', '1.1.0'];

export interface InstallOptions {
  readonly network: string;
  readonly binDirectory: string;
  readonly confDirectory: string;
  readonly socketPath: string;
}

export interface Installed {
  readonly plugin: string;
  readonly conflist: string;
}

/** Throws `system`. */
export async function installCni(options: InstallOptions): Promise<Installed> {
  const { network, binDirectory, confDirectory } = options;
  const plugin = join(binDirectory, PLUGIN);
  const conflist = join(confDirectory, `10-weft-${network}.conflist`);
  await place(plugin, async aside => {
    await copyFile(join(packageRoot, 'daemon/cni/native/build', PLUGIN), aside);
    await chmod(aside, 0o755);
  });
  await place(conflist, aside => writeFile(aside, conflistText(options), { mode: 0o644 }));
  return { plugin, conflist };
}

/** The conflist of a network: what `weft cni install` writes. */
export function conflistText({
  network,
  socketPath,
}: Pick<InstallOptions, 'network' | 'socketPath'>): string {
  const plugin = {
    type: PLUGIN,
    network,
    socket: socketPath,
    capabilities: { ips: true, mac: true, aliases: true, portMappings: true, bandwidth: true },
  };
  const list = { cniVersion: VERSION, cniVersions: VERSIONS, name: network, plugins: [plugin] };
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

async function place(path: string, make: (aside: string) => Promise<void>): Promise<void> {
  const directory = join(path, '..');
  const aside = join(directory, `.${PLUGIN}-${process.pid}.new`);
  try {
    await mkdir(directory, { recursive: true });
    try {
      await make(aside);
      await rename(aside, path);
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
  } catch (cause) {
    throw new WeftError('system', `cannot write ${path}: ${(cause as Error).message}`, {
      hint: 'run it as root; build weft first (npm run build) if its own file is missing',
      cause,
    });
  }
}
