/** Ports of an endpoint that is there already: a runtime may say late which they are, and take them back before it goes. */
import type { Firewall } from '../firewall/firewall.ts';
import { listeningPorts } from '../net/listening-ports.ts';
import { attachmentOf } from './attachments.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointStore } from './endpoint-store.ts';
import { choosePorts, type PortWish } from './port-choice.ts';
import { type PortMapping, refuseRepeated, refuseTakenPorts } from './port-mapping.ts';

export interface PublishingModules {
  readonly store: EndpointStore;
  readonly firewall: Pick<Firewall, 'sync'>;
}

/**
 * These ports lead to it from now on, and no others. On the disk first; of what fails nothing is left. Throws `conflict` naming who has one of them, and
 * what the firewall throws. Not to be called while endpoints are changed otherwise.
 */
export async function publishPorts(
  modules: PublishingModules,
  endpoint: Endpoint,
  wishes: readonly PortWish[],
): Promise<Endpoint> {
  const { firewall, store } = modules;
  const others = store.all().filter(other => other !== endpoint);
  const listening = await listeningPorts();
  const ports = choosePorts(
    wishes,
    others.flatMap(other => other.ports ?? []),
    (protocol, port) => listening[protocol].has(port),
  );
  refuseRepeated(ports);
  const published = withPorts(endpoint, ports);
  refuseTakenPorts(published, others);
  await store.replace(endpoint, published);
  try {
    await attachmentOf(published).reflect(published);
    await firewall.sync();
    return published;
  } catch (error) {
    await store.replace(published, endpoint);
    // What fails is tried again when the rules are looked at next.
    await firewall.sync().catch(() => {});
    throw error;
  }
}

/** No ports lead to it any more. Throws what the firewall throws; then it is tried again when the rules are looked at next. */
export async function withdrawPorts(
  { firewall, store }: PublishingModules,
  endpoint: Endpoint,
): Promise<void> {
  if (endpoint.ports === undefined) return;
  await store.replace(endpoint, withPorts(endpoint, []));
  await firewall.sync();
}

function withPorts({ ports: _, ...rest }: Endpoint, ports: readonly PortMapping[]): Endpoint {
  return ports.length === 0 ? rest : { ...rest, ports: [...ports] };
}
