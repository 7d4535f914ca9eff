/** The networks that a node carries from its start: those of its configuration, and those in which an earlier run has left containers. */
import type { NetworkConfig } from '../config/config.ts';
import type { EndpointStore } from '../endpoints/endpoint-store.ts';
import type { CarriedNetwork } from './carried-network.ts';
import type { Catalogue } from './catalogue.ts';
import { configOf } from './definition.ts';
import type { NetworkSet } from './network-set.ts';

export interface PlannedModules {
  readonly set: Pick<NetworkSet, 'plan' | 'planIfFits'>;
  readonly catalogue: Pick<Catalogue, 'made'>;
  readonly store: Pick<EndpointStore, 'all'>;
}

/** Throws `invalid_config` when one of the configuration does not fit the underlay. */
export function plannedNetworks(
  { set, catalogue, store }: PlannedModules,
  configured: readonly NetworkConfig[],
): readonly CarriedNetwork[] {
  const inUse = new Set(store.all().map(({ network }) => network));
  const used = catalogue
    .made()
    .filter(({ definition: { name }, conflict }) => conflict === undefined && inUse.has(name))
    .flatMap(({ definition }) => set.planIfFits(configOf(definition)) ?? []);
  return [...configured.map(network => set.plan(network)), ...used];
}
