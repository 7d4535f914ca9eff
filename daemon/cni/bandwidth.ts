/** The capability bandwidth (conventions of CNI), and the same as keys of the configuration, as the plugin `bandwidth` has them. */
import * as z from 'zod';
import { type Bandwidth, bandwidthSchema, hasLimits } from '../endpoints/bandwidth.ts';
import { check } from './check.ts';
import { CNI_ERROR, CniError } from './cni-error.ts';

/** Keys in lower case, as podman and containerd differ in them. Zero is none. */
const figure = z
  .number()
  .nullish()
  .transform(value => value || undefined);
const given = z.looseObject({
  ingressrate: figure,
  ingressburst: figure,
  egressrate: figure,
  egressburst: figure,
});

/** One place of a configuration where rates may stand. */
export interface BandwidthEntry {
  /** Named in errors. */
  readonly where: string;
  /** In lower case. */
  readonly keys: Readonly<Record<string, unknown>>;
}

/** The rates of the first place that has any; undefined: none are asked for. Throws CniError. */
export function parseBandwidth(entries: readonly BandwidthEntry[]): Bandwidth | undefined {
  for (const entry of entries) {
    const bandwidth = parseEntry(entry);
    if (hasLimits(bandwidth)) return bandwidth;
  }
  return undefined;
}

function parseEntry({ where, keys }: BandwidthEntry): Bandwidth {
  const place = (path: string) => (path === '' ? where : `${where}.${path}`);
  const { ingressrate, ingressburst, egressrate, egressburst } = check(given, keys, place);
  return check(
    bandwidthSchema,
    {
      ...limitOf('ingress', { rate: ingressrate, burst: ingressburst }, where),
      ...limitOf('egress', { rate: egressrate, burst: egressburst }, where),
    },
    place,
  );
}

function limitOf(
  way: 'ingress' | 'egress',
  { rate, burst }: { readonly rate: number | undefined; readonly burst: number | undefined },
  where: string,
): Readonly<Record<string, unknown>> {
  if (rate === undefined && burst === undefined) return {};
  if (rate === undefined) {
    throw new CniError(
      CNI_ERROR.invalidConfig,
      `${where}: ${way}Burst is given without ${way}Rate`,
      'give the rate in bits per second, or leave the burst out',
    );
  }
  return { [way]: { rate, ...(burst !== undefined && { burst }) } };
}
