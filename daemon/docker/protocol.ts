/**
 * What dockerd says to a network and IPAM plugin: version 1 of the remote driver API, as libnetwork of Docker 20.10 has it
 * (docs/remote.md, docs/ipam.md there; the shapes were seen on the wire). Keys that are not read here are passed over.
 */
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { describe } from '../leaf.ts';

/** Docker's ids have 64 hex digits. */
const id = z.string().regex(/^[A-Za-z0-9]{1,64}$/, 'is not an id');

/** Empty where Docker leaves it to us. */
const text = z
  .string()
  .max(256)
  .nullish()
  .transform(value => value ?? '');

/** Go writes an empty list or map as null. */
const map = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform(value => value ?? {});

const pool = z.looseObject({
  AddressSpace: text,
  Pool: z.string().max(256),
  Gateway: text,
  AuxAddresses: z
    .record(z.string(), z.string())
    .nullish()
    .transform(value => value ?? {}),
});

const pools = z
  .array(pool)
  .nullish()
  .transform(value => value ?? []);

export const createNetworkSchema = z.looseObject({
  NetworkID: id,
  Options: map,
  IPv4Data: pools,
  IPv6Data: pools,
});

export const networkSchema = z.looseObject({ NetworkID: id });

export const endpointSchema = z.looseObject({ NetworkID: id, EndpointID: id });

export const createEndpointSchema = endpointSchema.extend({
  Interface: z
    .looseObject({ Address: text, AddressIPv6: text, MacAddress: text })
    .nullish()
    .transform(value => value ?? { Address: '', AddressIPv6: '', MacAddress: '' }),
  Options: map,
});

export const joinSchema = endpointSchema.extend({
  SandboxKey: z
    .string()
    .max(1024)
    .regex(/^\/[\x21-\x7e]*$/, 'is not the path of a namespace'),
});

/** ProgramExternalConnectivity. */
export const programSchema = endpointSchema.extend({ Options: map });

export const requestPoolSchema = z.looseObject({
  Pool: text,
  SubPool: text,
  Options: map,
  V6: z
    .boolean()
    .nullish()
    .transform(value => value ?? false),
});

export const addressSchema = z.looseObject({ PoolID: z.string().max(256), Address: text, Options: map });

export type CreateNetwork = z.output<typeof createNetworkSchema>;
export type CreateEndpoint = z.output<typeof createEndpointSchema>;
export type Pool = z.output<typeof pool>;

/** libnetwork/netlabel/labels.go. */
export const LABEL = {
  /** In the options of CreateNetwork: the map of `-o`. */
  generic: 'com.docker.network.generic',
  internal: 'com.docker.network.internal',
  portMap: 'com.docker.network.portmap',
  /** In what RequestPool answers, and the type of an address. */
  gateway: 'com.docker.network.gateway',
  /** What docker-compose files of other drivers call `-o mtu`. */
  mtu: 'com.docker.network.driver.mtu',
} as const;

/** libnetwork/ipamapi/contract.go: in the options of RequestAddress. */
export const ADDRESS_TYPE = 'RequestAddressType';

/** Throws `invalid_argument`. */
export function parseBody<T>(method: string, schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new WeftError(
    'invalid_argument',
    `${method}: ${path === '' ? describe(body) : path}: ${issue?.message ?? 'not legal'}`,
  );
}
