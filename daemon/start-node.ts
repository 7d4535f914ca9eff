/** What has to be so before a node can start, and its start. */
import { OffloadStates } from '../dataplane/offload-states.ts';
import { requireUnderlayFits } from './config/semantics.ts';
import { EndpointStore } from './endpoints/endpoint-store.ts';
import { loadKeyring } from './gossip/key-store.ts';
import { Node } from './node.ts';
import { checkMachine, probeTapOffloads } from './preflight.ts';
import type { StartNode } from './running-node.ts';
import { offloadSwitches } from './sender/offload-switches.ts';
import { findUnderlay } from './underlay.ts';

/** Starts a node. Throws WeftError; then nothing is left of what it made. */
export const startNode: StartNode = async (config, log, { logCounts, configLoad, passed, store: kept }) => {
  checkMachine();
  const underlay = await findUnderlay(config.node.underlay);
  requireUnderlayFits(config, underlay.address);
  const store = new EndpointStore(config.paths.state);
  await store.load();
  const keyring = loadKeyring(config.paths.state, config.gossip);
  const offloads = probeTapOffloads(new OffloadStates(offloadSwitches(config.dataplane)));
  const node = new Node(
    { log, logCounts, configLoad, store, offloads, keyring, kept, passed },
    { config, underlay },
  );
  try {
    await node.start();
    // Of networks and containers that are no more.
    for (const name of passed.closeRest()) kept.unstore(name);
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
};
