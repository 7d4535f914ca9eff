/** The capability portMappings (conventions of CNI): what of it is weft's. */
import * as z from 'zod';
import { type PortMapping, portMappingSchema } from '../endpoints/port-mapping.ts';
import { check } from './check.ts';

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
    const place = (path: string) => `runtimeConfig: portMappings.${index}${path === '' ? '' : `.${path}`}`;
    const { hostport, containerport, protocol, hostip } = check(given, mapping, place);
    return check(
      portMappingSchema,
      {
        protocol: (protocol || 'tcp').toLowerCase(),
        hostPort: hostport,
        containerPort: containerport,
        ...(!EVERY_ADDRESS.includes(hostip) && { hostAddress: hostip }),
      },
      place,
    );
  });
}
