/** Ports of the VM that lead to a port of a container. All functions here are pure. */
import * as z from 'zod';
import { parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { nonUnicast } from '../cidr.ts';
import { describe, numberLeaf, textLeaf, wordLeaf } from '../leaf.ts';
import type { Endpoint } from './endpoint.ts';

export const PROTOCOLS = ['tcp', 'udp'] as const;

/** Whoever sends to `hostPort` of this VM reaches `containerPort` of the container. */
export interface PortMapping {
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly hostPort: number;
  readonly containerPort: number;
  /** Of the VM, in canonical text. @default all of its addresses */
  readonly hostAddress?: string;
}

const port = numberLeaf('a port', 1, 65_535);

const hostAddress = textLeaf(text => {
  const address = parseIp(text);
  const reason = nonUnicast(address);
  if (reason === undefined) return address as string;
  throw new WeftError('invalid_argument', `"${text}" is ${reason}`, {
    hint: 'give an address of this VM, or none for all of them',
  });
});

/** Of a request, or of the record on disk. */
export const portMappingSchema = z
  .strictObject({
    protocol: wordLeaf(PROTOCOLS),
    hostPort: port,
    containerPort: port,
    hostAddress: hostAddress.optional(),
  })
  .transform(
    ({ hostAddress: at, ...mapping }): PortMapping => ({
      ...mapping,
      ...(at !== undefined && { hostAddress: at }),
    }),
  );

/** `[HOSTADDR:]HOSTPORT:CONTAINERPORT[/tcp|udp]`, an IPv6 address in brackets. Throws `invalid_argument`. */
export function parsePortMapping(text: string): PortMapping {
  const [, address, host, container, protocol = 'tcp'] =
    /^(?:(\[[^\]]*\]|[^:[\]]+):)?(\d{1,5}):(\d{1,5})(?:\/([a-z]+))?$/.exec(text) ?? [];
  const result = portMappingSchema.safeParse({
    protocol,
    hostPort: Number(host),
    containerPort: Number(container),
    ...(address !== undefined && { hostAddress: address.replace(/^\[(.*)\]$/, '$1') }),
  });
  if (result.success && host !== undefined) return result.data;
  const reason = host === undefined ? undefined : result.error?.issues[0]?.message;
  throw new WeftError(
    'invalid_argument',
    `${describe(text)} is no port to publish${reason === undefined ? '' : `: ${reason}`}`,
    { hint: 'write it as in 8080:80, 192.0.2.1:8080:80 or 5353:53/udp' },
  );
}

export function formatPortMapping({
  protocol,
  hostPort,
  containerPort,
  hostAddress: at,
}: PortMapping): string {
  const address = at === undefined ? '' : at.includes(':') ? `[${at}]:` : `${at}:`;
  return `${address}${hostPort}:${containerPort}/${protocol}`;
}

/** The host's side of it, in words. */
function hostSide({ protocol, hostPort, hostAddress: at }: PortMapping): string {
  return `port ${hostPort}/${protocol}${at === undefined ? '' : ` of ${at}`}`;
}

/** Whether one packet could be meant for both. */
export function clash(one: PortMapping, other: PortMapping): boolean {
  if (one.protocol !== other.protocol || one.hostPort !== other.hostPort) return false;
  return (
    one.hostAddress === undefined || other.hostAddress === undefined || one.hostAddress === other.hostAddress
  );
}

/** The first of the ports that another endpoint has. */
export function sharedPort(
  { ports = [] }: Pick<Endpoint, 'ports'>,
  other: Pick<Endpoint, 'ports'>,
): PortMapping | undefined {
  return ports.find(mine => other.ports?.some(theirs => clash(mine, theirs)) === true);
}

/** Throws `invalid_argument` when two of a request want the same port. */
export function refuseRepeated(ports: readonly PortMapping[]): void {
  const repeated = ports.find((one, index) => ports.slice(0, index).some(other => clash(one, other)));
  if (repeated === undefined) return;
  throw new WeftError('invalid_argument', `cannot attach: ${hostSide(repeated)} is published twice`);
}

/** Throws `conflict`, naming who has the port, also in another network. */
export function refuseTakenPorts(wanted: Endpoint, others: readonly Endpoint[]): void {
  for (const other of others) {
    const taken = sharedPort(wanted, other);
    if (taken === undefined) continue;
    const { ifname, netns, network, container } = other;
    const holder = `${ifname} of ${container?.id ?? netns.name} in network ${network}`;
    throw new WeftError('conflict', `${hostSide(taken)} of this VM is published by ${holder} already`, {
      hint: 'choose another port, or detach that one first',
    });
  }
}
