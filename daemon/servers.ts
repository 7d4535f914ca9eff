/** Where a running node answers: the API, and the socket of the Docker plugin. Its HTTP server is loaded with this file. */
import { dirname } from 'node:path';
import type { Clock } from '../dataplane/clock.ts';
import { startApiServer } from './api/server.ts';
import { carryOutPending } from './cni/pending.ts';
import { startDockerServer } from './docker/docker-server.ts';
import type { HandOver } from './handover/hand-over.ts';
import type { Log } from './log.ts';
import type { ConfigReloader } from './reload/config-reloader.ts';
import type { RunningNode } from './running-node.ts';
import type { PassedSockets } from './systemd/passed-sockets.ts';

export interface ServerModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly node: Pick<RunningNode, 'cni' | 'docker' | 'operations'>;
  readonly config: ConfigReloader;
  readonly handOver: Pick<HandOver, 'offer'>;
}

export interface ServerSockets {
  readonly api: string;
  /** Undefined: none, unless it is inherited. */
  readonly docker: string | undefined;
  readonly inherited: PassedSockets;
}

/**
 * Carries out what came while no daemon ran, and then answers. Returns what closes the sockets. Throws what startApiServer and startDockerServer
 * do; then none is open.
 */
export async function openServers(
  { clock, log, config, handOver, node: { cni, docker, operations } }: ServerModules,
  { api, docker: plugin, inherited }: ServerSockets,
): Promise<() => Promise<void>> {
  await carryOutPending({ log, cni }, dirname(api));
  const server = await startApiServer(
    { clock, operations, config, cni, handOver, log },
    { socketPath: api, inherited: inherited.get('api') },
  );
  const handedOver = inherited.get('docker');
  if (plugin === undefined && handedOver === undefined) return () => server.close();
  try {
    const socketPath = plugin ?? 'of the unit';
    const second = await startDockerServer(
      { clock, log, docker },
      { socketPath, setting: 'docker.socket', inherited: handedOver },
    );
    log.info({ component: 'daemon', socket: socketPath }, 'Docker is answered');
    return async () => {
      await Promise.all([second.close(), server.close()]);
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}
