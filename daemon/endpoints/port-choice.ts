/** Ports of the VM that somebody leaves to weft. All functions here are pure. */
import { WeftError } from '../../dataplane/errors.ts';
import { clash, type PortMapping } from './port-mapping.ts';

/** A port that is to lead to one of a container: this one, or any of several. */
export interface PortWish extends Omit<PortMapping, 'hostPort'> {
  /** From which to which, both included. */
  readonly hostPorts: readonly [first: number, last: number];
}

/** net.ipv4.ip_local_port_range of the kernel, unless somebody has set it. */
export const ANY_PORT = [32_768, 60_999] as const;

/** Whether a program of the VM has the port. */
export type IsListening = (protocol: PortMapping['protocol'], port: number) => boolean;

/**
 * One port for each wish, none of them published already, of those to choose from none that a program has. One that is wished by its number is given as
 * it is, for a published port goes before what listens there. Throws `conflict` where none of several is free.
 */
export function choosePorts(
  wishes: readonly PortWish[],
  published: readonly PortMapping[],
  isListening: IsListening,
): readonly PortMapping[] {
  const chosen: PortMapping[] = [];
  // First those that have no choice.
  const bySize = wishes.toSorted((one, other) => sizeOf(one) - sizeOf(other));
  for (const wish of bySize) chosen.push(choose(wish, [...published, ...chosen], isListening));
  return chosen;
}

function sizeOf({ hostPorts: [first, last] }: PortWish): number {
  return last - first;
}

function choose(
  { hostPorts: [first, last], ...rest }: PortWish,
  taken: readonly PortMapping[],
  isListening: IsListening,
): PortMapping {
  if (first === last) return { ...rest, hostPort: first };
  for (let hostPort = first; hostPort <= last; hostPort += 1) {
    const candidate = { ...rest, hostPort };
    if (!isListening(rest.protocol, hostPort) && !taken.some(other => clash(candidate, other)))
      return candidate;
  }
  throw new WeftError('conflict', `no port of ${first} to ${last}/${rest.protocol} of this VM is free`, {
    hint: 'choose other ports',
  });
}
