/** What is to be done to come from one configuration to another. All functions here are pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Config, HostPort, NetworkConfig } from '../config/config.ts';
import { formatHostPort } from '../config/host-port.ts';
import type { LogLevel } from '../log-fields.ts';
import { NETWORK_SETTINGS, SETTINGS, type Setting } from './settings.ts';

interface Change<Kind extends string, Value> {
  readonly kind: Kind;
  readonly from: Value;
  readonly to: Value;
}

/** `network`: undefined where it is not there; not both. */
export type ConfigChange =
  | Change<'metrics', HostPort | undefined>
  | Change<'network', NetworkConfig | undefined>
  | Change<'join', readonly HostPort[]>
  | Change<'logLevel', LogLevel>;

export interface ConfigDiff {
  /**
   * In the order in which to carry them out: what may be refused by the kernel first; networks go before others come that may have their
   * VNIs.
   */
  readonly changes: readonly ConfigChange[];
  /** Keys that differ and need a restart, as in `node.name` and `networks[blue].vni`. */
  readonly restart: readonly string[];
}

export function diffConfig(from: Config, to: Config): ConfigDiff {
  const differing = differingKeys(SETTINGS, from, to);
  const networks = networkChanges(from.networks, to.networks);
  const changed = networks.flatMap(({ from: before, to: after }) =>
    before === undefined || after === undefined ? [] : [{ before, after }],
  );
  const differs = (key: string) => differing.reload.includes(key);
  return {
    changes: [
      ...(differs('metrics.listen')
        ? [{ kind: 'metrics' as const, from: from.metrics.listen, to: to.metrics.listen }]
        : []),
      ...networks,
      ...(differs('gossip.join')
        ? [{ kind: 'join' as const, from: from.gossip.join, to: to.gossip.join }]
        : []),
      ...(differs('log.level')
        ? [{ kind: 'logLevel' as const, from: from.log.level, to: to.log.level }]
        : []),
    ],
    restart: [
      ...differing.restart,
      ...changed.flatMap(({ before, after }) =>
        differingKeys(NETWORK_SETTINGS, before, after).restart.map(key => `networks[${after.name}].${key}`),
      ),
    ],
  };
}

/** Whether a running network can follow from one to the other. */
export function canFollow(from: NetworkConfig, to: NetworkConfig): boolean {
  return differingKeys(NETWORK_SETTINGS, from, to).restart.length === 0;
}

/** What takes a change back. */
export function inverse(change: ConfigChange): ConfigChange {
  return { ...change, from: change.to, to: change.from } as ConfigChange;
}

/** For people, as in `networks[blue].bum_rate: 1000 -> 200`. */
export function describeChange(change: ConfigChange): readonly string[] {
  switch (change.kind) {
    case 'metrics':
      return [`metrics.listen: ${listenText(change.from)} -> ${listenText(change.to)}`];
    case 'logLevel':
      return [`log.level: ${change.from} -> ${change.to}`];
    case 'join':
      return [
        `gossip.join: ${listDifference(change.from.map(formatHostPort), change.to.map(formatHostPort))}`,
      ];
    case 'network':
      return describeNetwork(change.from, change.to);
  }
}

function describeNetwork(from: NetworkConfig | undefined, to: NetworkConfig | undefined): readonly string[] {
  if (to === undefined) return [`networks[${from?.name}]: removed`];
  if (from === undefined) return [`networks[${to.name}]: added, VNI ${to.vni}`];
  return differingKeys(NETWORK_SETTINGS, from, to).reload.map(key => {
    const [before, after] = [from, to].map(network => NETWORK_SETTINGS[key]?.read(network));
    const isList = Array.isArray(before) && Array.isArray(after);
    const what = isList ? listDifference(before.map(String), after.map(String)) : `${before} -> ${after}`;
    return `networks[${to.name}].${key}: ${what}`;
  });
}

function listDifference(from: readonly string[], to: readonly string[]): string {
  const added = to.filter(one => !from.includes(one)).map(one => `+${one}`);
  const removed = from.filter(one => !to.includes(one)).map(one => `-${one}`);
  return [...added, ...removed].join(' ') || 'another order';
}

function listenText(listen: HostPort | undefined): string {
  return listen === undefined ? 'none' : formatHostPort(listen);
}

/** Removed ones, changed ones, added ones; one that is the same in another place of the list is no change. */
function networkChanges(
  from: readonly NetworkConfig[],
  to: readonly NetworkConfig[],
): readonly Change<'network', NetworkConfig | undefined>[] {
  const find = (networks: readonly NetworkConfig[], name: string) => networks.find(one => one.name === name);
  const removed = from.filter(({ name }) => find(to, name) === undefined);
  const added = to.filter(({ name }) => find(from, name) === undefined);
  const changed = from.flatMap(before => {
    const after = find(to, before.name);
    const { reload, restart } = differingKeys(NETWORK_SETTINGS, before, after ?? before);
    return reload.length + restart.length === 0 ? [] : [{ from: before, to: after }];
  });
  const gone = removed.map(network => ({ from: network, to: undefined }));
  const come = added.map(network => ({ from: undefined, to: network }));
  return [...gone, ...changed, ...come].map(change => ({ kind: 'network', ...change }));
}

function differingKeys<From>(
  settings: Readonly<Record<string, Setting<From>>>,
  from: From,
  to: From,
): Readonly<Record<Setting<From>['effect'], readonly string[]>> {
  const differing = Object.entries(settings).filter(
    ([, { read }]) => !isDeepStrictEqual(read(from), read(to)),
  );
  const of = (wanted: string) => differing.flatMap(([key, { effect }]) => (effect === wanted ? [key] : []));
  return { reload: of('reload'), restart: of('restart') };
}
