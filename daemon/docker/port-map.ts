/** `-p` and `-P` as dockerd hands them over (libnetwork/types.PortBinding). All functions here are pure. */
import * as z from 'zod';
import { parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { nonUnicast } from '../cidr.ts';
import { ANY_PORT, type PortWish } from '../endpoints/port-choice.ts';
import { LABEL, parseBody } from './protocol.ts';

/** IANA protocol numbers. */
const PROTOCOLS: Readonly<Record<number, PortWish['protocol']>> = { 6: 'tcp', 17: 'udp' };

/** All addresses of the VM, as `-p 0.0.0.0:8080:80` says it. */
const ALL = ['', '0.0.0.0', '::'];

const port = z.number().int().min(0).max(65_535);

const schema = z
  .array(
    z.looseObject({ Proto: z.number(), Port: port, HostIP: z.string(), HostPort: port, HostPortEnd: port }),
  )
  .nullish()
  .transform(ports => ports ?? []);

/** Throws `invalid_argument` for what weft cannot publish, as SCTP. */
export function portWishes(given: unknown): readonly PortWish[] {
  return parseBody(LABEL.portMap, schema, given).map(({ Proto, Port, HostIP, HostPort, HostPortEnd }) => {
    const protocol = PROTOCOLS[Proto];
    if (protocol === undefined) {
      throw new WeftError('invalid_argument', `weft publishes TCP and UDP, not IP protocol ${Proto}`);
    }
    return {
      protocol,
      hostPorts: HostPort === 0 ? ANY_PORT : [HostPort, Math.max(HostPort, HostPortEnd)],
      containerPort: Port,
      ...(!ALL.includes(HostIP) && { hostAddress: hostAddress(HostIP) }),
    };
  });
}

function hostAddress(text: string): string {
  const address = parseIp(text);
  const reason = nonUnicast(address);
  if (reason === undefined) return address;
  throw new WeftError('invalid_argument', `ports cannot be published at ${text}: it is ${reason}`, {
    hint: 'give an address of this VM, or none for all of them',
  });
}
