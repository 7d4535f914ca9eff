/** The capability portMappings (conventions of CNI): what of it is weft's. */
import * as z from 'zod';
import { type PortMapping, portMappingSchema } from '../endpoints/port-mapping.ts';
import { CNI_ERROR, CniError } from './cni-error.ts';

/** Keys in lower case: podman begins them with a small letter, containerd with a capital one. */
const given = z.looseObject({
  hostport: z.number(),
  containerport: z.number(),
  protocol: z.string().nullish(),
  hostip: z.string().nullish(),
});

/** Every address, as runtimes say it. */
const EVERY_ADDRESS: readonly (string | null | undefined)[] = [undefined, null, '', '0.0.0.0', '::'];

/** `mappings`: with keys in lower case. Throws CniError. */
export function parsePortMappings(mappings: readonly unknown[]): readonly PortMapping[] {
  return mappings.map((mapping, index) => {
    const { hostport, containerport, protocol, hostip } = check(given, mapping, index);
    return check(
      portMappingSchema,
      {
        protocol: (protocol || 'tcp').toLowerCase(),
        hostPort: hostport,
        containerPort: containerport,
        ...(!EVERY_ADDRESS.includes(hostip) && { hostAddress: hostip }),
      },
      index,
    );
  });
}

function check<T>(schema: z.ZodType<T>, value: unknown, index: number): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = ['portMappings', index, ...(issue?.path ?? [])].join('.');
  throw new CniError(CNI_ERROR.invalidConfig, `runtimeConfig: ${path}: ${issue?.message ?? 'not legal'}`);
}
