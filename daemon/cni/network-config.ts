/**
 * The configuration that a runtime hands over: what of it is weft's. Runtimes written in Go match keys whatever their case, and
 * containerd 1.6 writes those of runtimeConfig with capitals, so those are read in lower case. Empty lists may be null.
 */
import * as z from 'zod';
import type { PortMapping } from '../endpoints/port-mapping.ts';
import { isContainerName, lowerCase } from '../names.ts';
import type { BandwidthEntry } from './bandwidth.ts';
import { check } from './check.ts';
import { CNI_ERROR, CniError } from './cni-error.ts';
import { parsePortMappings } from './port-mappings.ts';
import { CNI_VERSIONS, type CniVersion, FALLBACK_VERSION } from './version.ts';

const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform(items => items ?? []);

const attachment = z.object({ containerID: z.string(), ifname: z.string() });

const ipSchema = z.looseObject({
  address: z.string(),
  gateway: z.string().nullish(),
  interface: z.number().int().nullish(),
});

const dnsSchema = z.looseObject({
  nameservers: z.array(z.string()).nullish(),
  search: z.array(z.string()).nullish(),
});

export type CniDns = z.output<typeof dnsSchema>;

const routeSchema = z.looseObject({
  dst: z.string(),
  gw: z.string().nullish(),
  // Since 1.1.0.
  mtu: z.number().nullish(),
  advmss: z.number().nullish(),
  priority: z.number().nullish(),
  table: z.number().nullish(),
  scope: z.number().nullish(),
});

/** A result, as prevResult and as what an IPAM plugin prints. What we do not know is passed on. */
const resultSchema = z.looseObject({
  interfaces: list(
    z.looseObject({ name: z.string(), mac: z.string().nullish(), sandbox: z.string().nullish() }),
  ),
  ips: list(ipSchema),
  routes: list(routeSchema),
  dns: dnsSchema.nullish(),
});

export type CniResult = z.output<typeof resultSchema>;

/** The conventions of CNI have a list, podman 4.3 says of which network it is: {"blue": ["web"]}. */
const aliases = z
  .union([z.array(z.string()), z.record(z.string(), z.array(z.string()))])
  .nullish()
  .transform(names => (Array.isArray(names) ? names : Object.values(names ?? {}).flat()));

/** Keys of runtimeConfig in lower case: the capabilities of the conflist that weft cni install writes, and what must not be passed over. */
const runtimeSchema = z.looseObject({
  ips: list(z.string()),
  mac: z.string().nullish(),
  aliases,
  portmappings: list(z.unknown().transform(lowered)),
  bandwidth: z.unknown().optional(),
});

const configSchema = z.looseObject({
  cniVersion: z.string().optional(),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'is not the name of a network'),
  /** The network of weft, where it is called otherwise. */
  network: z.string().min(1).optional(),
  /** Of weft: false where containers bring a server of names, and want the port. */
  resolver: z.boolean().optional(),
  capabilities: z.record(z.string(), z.boolean()).nullish(),
  ipam: z.looseObject({ type: z.string().optional() }).nullish(),
  args: z
    .looseObject({ cni: z.looseObject({ ips: list(z.string()), mac: z.string().nullish() }).nullish() })
    .nullish(),
  runtimeConfig: z.unknown().optional(),
  prevResult: resultSchema.nullish(),
  'cni.dev/valid-attachments': list(attachment),
});

export interface CniConfig {
  readonly version: CniVersion;
  /** The name of the configuration: attachments are told apart by it. */
  readonly name: string;
  readonly network: string;
  /** Addresses that were asked for, perhaps without a prefix length. */
  readonly ips: readonly string[];
  readonly mac: string | undefined;
  /** Under which the container is to be found: what its runtime calls it, if that can be such a name, and its aliases. */
  readonly names: readonly string[];
  /** Whether names are answered to it. */
  readonly resolver: boolean;
  readonly prevResult: CniResult | undefined;
  readonly validAttachments: readonly z.output<typeof attachment>[];
  /** Ports to publish that this plugin was asked for. */
  readonly ports: readonly PortMapping[];
  /** Where this plugin may be asked for rates, what counts first. They are read at an ADD alone: wrong ones must not be in the way of a DEL. */
  readonly bandwidth: readonly BandwidthEntry[];
}

/** The version that an answer is to be in, whatever else is wrong with the configuration. */
export function versionOf(text: string): CniVersion {
  const [, named] = /"cniVersion"\s*:\s*"([^"]*)"/.exec(text) ?? [];
  return CNI_VERSIONS.find(version => version === named) ?? FALLBACK_VERSION;
}

/** Throws CniError. `args` is CNI_ARGS. */
export function parseCniConfig(text: string, args: ReadonlyMap<string, string> = new Map()): CniConfig {
  const json = parseJson(text, 'the configuration');
  const config = check(configSchema, json, within('the configuration'));
  const runtime = check(runtimeSchema, lowered(config.runtimeConfig), within('runtimeConfig'));
  const asked = config.args?.cni;
  const argument = args.get('IP');
  const ips = [runtime.ips, asked?.ips ?? [], argument === undefined ? [] : argument.split(',')];
  const capable = (capability: string) => config.capabilities?.[capability] === true;
  return {
    version: requireVersion(config.cniVersion),
    name: config.name,
    network: config.network ?? config.name,
    ips: ips.find(given => given.length > 0) ?? [],
    mac: runtime.mac ?? asked?.mac ?? args.get('MAC'),
    names: [...podName(args), ...runtime.aliases],
    resolver: config.resolver ?? true,
    prevResult: config.prevResult ?? undefined,
    validAttachments: config['cni.dev/valid-attachments'],
    ports: capable('portMappings') ? parsePortMappings(runtime.portmappings) : [],
    bandwidth: [
      ...(capable('bandwidth')
        ? [{ where: 'runtimeConfig: bandwidth', keys: lowered(runtime.bandwidth) }]
        : []),
      { where: 'the configuration', keys: lowered(json) },
    ],
  };
}

/** podman and the runtimes of Kubernetes give it. Nobody has asked for it to be a name: one with dots, or a long one, is none. */
function podName(args: ReadonlyMap<string, string>): readonly string[] {
  const name = lowerCase(args.get('K8S_POD_NAME') ?? '');
  return isContainerName(name) ? [name] : [];
}

/** What an IPAM plugin has printed. Throws CniError. */
export function parseIpamResult(text: string): CniResult {
  return check(
    resultSchema,
    parseJson(text, 'the answer of the IPAM plugin'),
    within('the answer of the IPAM plugin'),
  );
}

function requireVersion(version: string | undefined): CniVersion {
  const known = CNI_VERSIONS.find(candidate => candidate === version);
  if (known !== undefined) return known;
  throw new CniError(
    CNI_ERROR.incompatibleVersion,
    version === undefined
      ? 'the configuration has no cniVersion'
      : `cniVersion ${version} is not spoken here`,
    `write one of ${CNI_VERSIONS.join(', ')}`,
  );
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CniError(CNI_ERROR.undecodable, `${what} is not JSON`);
  }
}

function within(what: string): (path: string) => string {
  return path => (path === '' ? what : `${what}: ${path}`);
}

/** An object with its keys in lower case; of anything else, one without keys. */
function lowered(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toLowerCase(), inner]));
}
