/**
 * `weft daemon`, from the configuration file to the exit.
 *
 *   1. load the configuration              (wrong: nothing was started)
 *   2. see that no daemon answers yet      (one does: nothing was started, or its place is taken: handover/)
 *   3. listen for Prometheus, if that is configured, and start the node (start-node.ts): from then on frames are carried
 *   4. load and open the API and the socket of the Docker plugin: now the daemon answers, and the service manager hears that it is ready
 *   5. wait for a signal, or for the node to fail; SIGHUP and the API may change the configuration meanwhile
 *   6. close the API, then stop the node
 *
 * What is imported here and in start-node.ts stands between the exec and the first frame (ADR 31): what can be loaded later, is.
 */
import { resolve } from 'node:path';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import { isAnswered, requireSocketFree } from './api/socket-file.ts';
import { socketPathIn } from './api/socket-path.ts';
import { DEFAULT_CONFIG_PATH } from './config/config.ts';
import { parseConfig, readConfigText } from './config/load.ts';
import { boundGarbage } from './garbage-bound.ts';
import { DescriptorShelf } from './handover/descriptor-shelf.ts';
import { HandOver } from './handover/hand-over.ts';
import { Predecessor } from './handover/predecessor.ts';
import type { Relay } from './handover/relay.ts';
import type { TakenOver } from './handover/take-over.ts';
import { createLog, errorFields, type Log } from './log.ts';
import { openLogOutput } from './log-output.ts';
import { MetricsListener } from './metrics/metrics-listener.ts';
import { version } from './package-info.ts';
import { ConfigLoads } from './reload/config-loads.ts';
import { ConfigReloader } from './reload/config-reloader.ts';
import type { RunningNode, StartNode } from './running-node.ts';
import type { ServerSockets } from './servers.ts';
import { type StopSignals, stopSignals } from './stop-signals.ts';
import type { PassedDescriptors } from './systemd/passed-descriptors.ts';
import { takePassedSockets } from './systemd/passed-sockets.ts';
import type { ServiceManager } from './systemd/service-manager.ts';
import { supervise } from './systemd/supervision.ts';

export interface DaemonModules {
  readonly startNode: StartNode;
  readonly clock: Clock;
  /** Who runs this process. */
  readonly manager: ServiceManager;
  /** What it has handed to this process. */
  readonly passed: PassedDescriptors;
  /** What runs between the two, and ends before this process does. */
  readonly relay: Relay | undefined;
  /** Ends the process at once: process.exit, after `line` went to standard error. */
  readonly abort: (line: string) => void;
}

export interface DaemonOptions {
  /** @default {@link DEFAULT_CONFIG_PATH} */
  readonly configPath?: string | undefined;
  /** Take the place of a daemon that runs, instead of refusing to start beside it. @default false */
  readonly takeOver?: boolean;
}

interface RunningModules extends DaemonModules {
  readonly reloader: ConfigReloader;
  readonly handOver: HandOver;
  readonly metrics: MetricsListener;
}

/** How long a node may take to stop, before the process ends without it. */
const STOP_TIMEOUT_MS = 15_000;

/**
 * Resolves after an orderly stop by a signal. Throws the WeftError that prevented the start or ended the node; then
 * everything it began has been undone. `configPath` undefined means the default path.
 */
export async function runDaemon(
  modules: DaemonModules,
  { configPath, takeOver: takesOver = false }: DaemonOptions = {},
): Promise<void> {
  const file = configPath ?? DEFAULT_CONFIG_PATH;
  const text = await readConfigText(configPath);
  const config = parseConfig(text, file);
  const loads = new ConfigLoads(modules);
  const { level, format } = config.log;
  const destination = await openLogOutput({ format, env: process.env });
  const root = createLog({ level, destination, clock: modules.clock });
  const log = root.log.child({ node: config.node.name });
  const inherited = takePassedSockets(modules.passed);
  const sockets = { api: socketPathIn(config.paths.run), docker: config.docker.socket, inherited };
  const release = crashHandlers(modules, log);
  const signals = stopSignals(signal => {
    log.fatal({ component: 'daemon', signal }, 'second signal, ending at once');
    modules.abort(
      `${signal} is the second signal: ended at once, with no orderly stop; start weft again, it takes over what is left`,
    );
  });
  try {
    const taken = takesOver ? await takeOverAt(sockets.api, modules) : undefined;
    if (!inherited.has('api')) await requireSocketFree(sockets.api);
    log.info({ component: 'daemon', version, pid: process.pid, path: file }, 'starting');
    modules.manager.status('starting');
    const metrics = new MetricsListener({ log });
    // Before the node is started: that the address is taken is found out before anything was done.
    await metrics.listen(config.metrics.listen);
    const store = new DescriptorShelf(modules.manager);
    const { clock, passed, relay } = modules;
    const handOver = new HandOver({ clock, shelf: store, relay, pid: process.pid });
    try {
      const node = await modules.startNode(config, log, {
        logCounts: root.counts,
        configLoad: () => loads.report(),
        store,
        passed: taken?.passed ?? passed,
        predecessor: taken?.predecessor ?? Predecessor.among(passed, modules),
        handOver,
      });
      metrics.serve(node.operations);
      const target = {
        ...node.reload,
        setLogLevel: root.setLevel,
        listenForMetrics: metrics.listen.bind(metrics),
      };
      const reloader = new ConfigReloader(
        { clock: modules.clock, manager: modules.manager, log, loads, target },
        { path: resolve(file), running: { config, text } },
      );
      await whileRunning({ ...modules, reloader, handOver, metrics }, node, log, sockets, signals);
    } finally {
      await metrics.close();
    }
    log.info({ component: 'daemon' }, 'stopped');
  } catch (error) {
    log.fatal({ component: 'daemon', ...errorFields(error) }, 'daemon failed');
    throw error;
  } finally {
    root.flush();
    signals.release();
    release();
  }
}

async function whileRunning(
  modules: RunningModules,
  node: RunningNode,
  log: Log,
  sockets: ServerSockets,
  signals: StopSignals,
): Promise<void> {
  let reason = 'failed start';
  try {
    const { clock, handOver, metrics, reloader } = modules;
    // Loaded here only: frames are carried already, and did not have to wait for an HTTP server.
    const { openServers } = await import('./servers.ts');
    const close = await openServers({ clock, log, node, config: reloader, handOver }, sockets);
    const unsupervise = supervise(modules, {
      prove: () => node.health.prove(),
      summary: () => `${node.health.summary()}${reloader.note()}`,
    });
    try {
      // Not before: a start is faster without collections.
      boundGarbage();
      log.info({ component: 'daemon', socket: sockets.api }, 'ready');
      signals.onReload(() => void reloader.reload().catch(() => {}));
      const end = await Promise.race([signals.first, node.fatal, handOver.agreed]);
      if (end instanceof WeftError) {
        reason = end.message;
        throw end;
      }
      reason = end;
      if (end === 'SIGUSR2') handOver.restart();
      log.info({ component: 'daemon', signal: end }, 'stopping');
    } finally {
      unsupervise();
      await close();
      // The next process may wait for its port.
      await metrics.close();
      await reloader.stop();
    }
  } catch (error) {
    // The first failure is the one to tell of; that of the stop after it goes to the log.
    await stopNode(modules.clock, node, reason).catch(late => {
      log.error({ component: 'daemon', ...errorFields(late) }, 'stop failed');
    });
    throw error;
  }
  await stopNode(modules.clock, node, reason);
}

/** Undefined: none runs, and this is a start like any other. */
async function takeOverAt(socketPath: string, { clock }: DaemonModules): Promise<TakenOver | undefined> {
  if (!(await isAnswered(socketPath))) return undefined;
  const [{ ApiClient }, { takeOver }] = await Promise.all([
    import('./api/client.ts'),
    import('./handover/take-over.ts'),
  ]);
  return await takeOver(await new ApiClient({ clock }, { socketPath }).handOver(), { clock });
}

async function stopNode(clock: Clock, node: RunningNode, reason: string): Promise<void> {
  let late: () => void;
  const timeout = new Promise<never>((_, reject) => {
    late = () =>
      reject(
        new WeftError('system', `the node did not stop within ${STOP_TIMEOUT_MS / 1000} s`, {
          hint: 'start it again: it takes over what is left; and report it with the log',
        }),
      );
  });
  const patience = clock.after(STOP_TIMEOUT_MS, () => late());
  try {
    await Promise.race([node.stop(reason), timeout]);
  } finally {
    patience.cancel();
  }
}

/** A defect: the state of the process is unknown, so it ends. Rejections nobody handles arrive here too (Node >= 15). */
function crashHandlers(modules: DaemonModules, log: Log): () => void {
  const onCrash = (error: unknown) => {
    log.fatal({ component: 'daemon', ...errorFields(error) }, 'uncaught exception');
    const message = error instanceof Error ? error.message : String(error);
    modules.abort(`internal error: ${message}; see the log, and report it`);
  };
  process.on('uncaughtException', onCrash);
  return () => process.removeListener('uncaughtException', onCrash);
}
