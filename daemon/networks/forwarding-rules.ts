/** What the configuration of a network says of frames for nobody in particular, as the dataplane takes it. */
import type { FloodScope, NetworkRules } from '../../dataplane/network.ts';
import type { NetworkConfig, UnknownUnicast } from '../config/config.ts';

const UNKNOWN_UNICAST: Readonly<Record<UnknownUnicast, FloodScope>> = {
  // To static VTEPs, and to nodes that have not told yet what they have; if there are none of either, it is dropped.
  auto: 'silent',
  drop: 'nobody',
  flood: 'everybody',
};

export function forwardingRules({
  unknownUnicast,
  unknownAddress,
  bumRate,
}: Pick<NetworkConfig, 'unknownUnicast' | 'unknownAddress' | 'bumRate'>): NetworkRules {
  return {
    unknownUnicast: UNKNOWN_UNICAST[unknownUnicast],
    unknownAddress: unknownAddress === 'flood' ? 'everybody' : 'silent',
    bumRate,
  };
}
