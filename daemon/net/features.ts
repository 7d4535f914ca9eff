import { WeftError } from '../../dataplane/errors.ts';
import { run } from './run.ts';

interface Feature {
  readonly active: boolean;
}

/** The offloads that are on for a device, as ethtool names them (`tx-udp_tnl-segmentation`). Throws `system` or `unavailable`. */
export async function activeFeatures(ifname: string): Promise<ReadonlySet<string>> {
  const { code, stdout, stderr } = await run(['ethtool', '--json', '-k', ifname], undefined, '');
  if (code !== 0) throw new WeftError('system', `ethtool -k ${ifname}: ${stderr.trim()}`);
  const [features = {}] = JSON.parse(stdout) as Record<string, Feature | string>[];
  return new Set(
    Object.keys(features).filter(name => {
      const feature = features[name];
      return typeof feature === 'object' && feature.active;
    }),
  );
}
