/** `-p` as dockerd hands it over (libnetwork/types.PortBinding). All functions here are pure. */
import { z } from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import type { PortMapping } from '../endpoints/port-mapping.ts';
import { LABEL, parseBody } from './protocol.ts';

/** IANA protocol numbers. */
const PROTOCOLS: Readonly<Record<number, PortMapping['protocol']>> = { 6: 'tcp', 17: 'udp' };

const port = z.number().int().min(0).max(65_535);

const schema = z
  .array(
    z.looseObject({ Proto: z.number(), Port: port, HostIP: z.string(), HostPort: port, HostPortEnd: port }),
  )
  .nullish()
  .transform(ports => ports ?? []);

/** Throws `invalid_argument` for what weft cannot publish: a port that Docker's own driver would choose, and SCTP. */
export function portMappings(given: unknown): readonly PortMapping[] {
  return parseBody(LABEL.portMap, schema, given).map(({ Proto, Port, HostIP, HostPort, HostPortEnd }) => {
    const protocol = PROTOCOLS[Proto];
    if (protocol === undefined) {
      throw new WeftError('invalid_argument', `weft publishes TCP and UDP, not IP protocol ${Proto}`);
    }
    if (HostPort === 0 || HostPort !== HostPortEnd) {
      throw new WeftError(
        'invalid_argument',
        `weft chooses no port of the VM for port ${Port} of the container`,
        {
          hint: `name one, as in -p 8080:${Port}`,
        },
      );
    }
    return {
      protocol,
      hostPort: HostPort,
      containerPort: Port,
      ...(HostIP !== '' && { hostAddress: HostIP }),
    };
  });
}
