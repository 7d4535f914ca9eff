/** What the configuration of a network says of frames for nobody in particular, as the dataplane takes it. */
import type { FloodScope, NetworkOptions } from '../dataplane/network.ts';
import type { NetworkConfig } from './config/config.ts';

type ForwardingRules = Pick<NetworkOptions, 'unknownUnicast' | 'unknownAddress' | 'bumRate'>;

export function forwardingRules(
  config: Pick<NetworkConfig, 'unknownUnicast' | 'unknownAddress' | 'staticVteps' | 'bumRate'>,
): ForwardingRules {
  return {
    unknownUnicast: unknownUnicast(config),
    unknownAddress: config.unknownAddress === 'flood' ? 'everybody' : 'silent',
    bumRate: config.bumRate,
  };
}

function unknownUnicast({
  unknownUnicast: chosen,
  staticVteps,
}: Pick<NetworkConfig, 'unknownUnicast' | 'staticVteps'>): FloodScope {
  if (chosen === 'flood') return 'everybody';
  return chosen === 'drop' || staticVteps.length === 0 ? 'nobody' : 'silent';
}
