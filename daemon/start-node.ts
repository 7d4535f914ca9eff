/**
 * What has to be so before a node can start, and its start. Containers wait for it after a restart, so what takes time goes on side by side:
 *
 *   this thread   checks the machine ─ loads node.ts and all that belongs to it ─ restores networks, endpoints, claims ─ `begin`
 *   workers       load dataplane/worker.ts ────────────────────────────────────── carry out commands ─────────────────── read frames
 *   ip            tells which addresses there are
 */
import type { IpAddress } from '../dataplane/address.ts';
import { systemClock } from '../dataplane/clock.ts';
import { Dataplane, type DataplaneHandlers } from '../dataplane/dataplane.ts';
import { tapName } from '../dataplane/descriptor-store.ts';
import type { WeftError } from '../dataplane/errors.ts';
import { OffloadStates } from '../dataplane/offload-states.ts';
import { workerCount } from '../dataplane/worker-count.ts';
import { requireUnderlayFits } from './config/semantics.ts';
import { EndpointStore } from './endpoints/endpoint-store.ts';
import { loadKeyring } from './gossip/key-store.ts';
import type { Log } from './log.ts';
import type { Node } from './node.ts';
import { checkMachine, probeTapOffloads } from './preflight.ts';
import type { StartNode } from './running-node.ts';
import { offloadSwitches } from './sender/offload-switches.ts';
import { findUnderlay } from './underlay.ts';
import { UnderlayWatch } from './underlay-watch.ts';

/** Starts a node. Throws WeftError; then nothing is left of what it made. */
export const startNode: StartNode = async (config, log, process) => {
  const { passed, store: kept } = process;
  checkMachine();
  let node: Node | undefined;
  const workers = workerCount(config.dataplane.workers);
  const dataplane = new Dataplane(
    { store: kept },
    { workers },
    handlersOf(() => node),
  );
  try {
    const [underlay, modules] = await Promise.all([findUnderlay(config.node.underlay), import('./node.ts')]);
    requireUnderlayFits(config, underlay.address);
    const store = new EndpointStore(config.paths.state);
    await store.load();
    const keyring = loadKeyring(config.paths.state, config.gossip);
    const switches = offloadSwitches(config.dataplane);
    const offloads = probeTapOffloads(new OffloadStates(switches), passed.look(tapName('')));
    node = new modules.Node(
      { ...process, log, dataplane, store, offloads, keyring, kept },
      { config, underlay },
    );
    await node.start();
    watchUnderlay(node, log, config.node.underlay, underlay.address);
    // Of networks and containers that are no more.
    for (const name of passed.closeRest()) kept.unstore(name);
    return node;
  } catch (error) {
    await node?.stop();
    await dataplane.close();
    throw error;
  }
};

/** The node that loses its address ends, if the machine has another one for it. */
function watchUnderlay(node: Node, log: Log, configured: IpAddress | undefined, address: IpAddress): void {
  const isConfigured = configured !== undefined;
  const options = { address, isConfigured, onMoved: (error: WeftError) => node.fail(error) };
  const watch = new UnderlayWatch({ clock: systemClock, log }, options);
  watch.start();
  node.undo.push(async () => watch.stop());
}

/** Before there is a node, nothing is in the dataplane that could be lost; a worker that died then fails the first command. */
function handlersOf(node: () => Node | undefined): DataplaneHandlers {
  return {
    portLost: event => node()?.handlers.portLost(event),
    offloadLost: event => node()?.handlers.offloadLost(event),
    probe: arrival => node()?.handlers.probe(arrival),
    died: cause => node()?.handlers.died(cause),
  };
}
