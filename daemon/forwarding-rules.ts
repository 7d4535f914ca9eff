/** What the configuration of a network says of frames for nobody in particular, as the dataplane takes it. */
import type { FloodScope, NetworkOptions } from '../dataplane/network.ts';
import type { NetworkConfig } from './config/config.ts';

type ForwardingRules = Pick<NetworkOptions, 'unknownUnicast' | 'unknownAddress' | 'bumRate' | 'told'>;

export function forwardingRules(
  config: Pick<NetworkConfig, 'unknownUnicast' | 'unknownAddress' | 'bumRate'>,
): ForwardingRules {
  return {
    unknownUnicast: unknownUnicast(config),
    unknownAddress: config.unknownAddress === 'flood' ? 'everybody' : 'silent',
    bumRate: config.bumRate,
    // Nobody applies the records of other nodes to the dataplane yet.
    told: false,
  };
}

/**
 * `auto` floods for now: nodes do not tell each other of containers yet, so what no frame has told of may be anywhere. Once they
 * do, it is `silent` where there are static VTEPs and `nobody` elsewhere (ADR 17).
 */
function unknownUnicast({ unknownUnicast: chosen }: Pick<NetworkConfig, 'unknownUnicast'>): FloodScope {
  return chosen === 'drop' ? 'nobody' : 'everybody';
}
