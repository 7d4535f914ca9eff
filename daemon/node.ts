/**
 * The node: the only file that joins control to dataplane.
 *
 *   gossip events ──► which VTEPs carry a VNI ──► dataplane (known VTEPs, flood lists)
 *   attach, detach ─► links, ports, fixed MACs ─► dataplane
 *   status, fdb …  ◄─ counters and tables ◄────── dataplane, gossip
 *
 * Start order: check the machine, bind the underlay, bind gossip, make the devices, take over endpoints. Whatever fails,
 * what this start has made is undone in reverse.
 */
import type { MemberEvent, MemberEventType } from '../control/events.ts';
import { Gossip } from '../control/gossip.ts';
import { systemRandom } from '../control/random.ts';
import { weftTags } from '../control/tags.ts';
import { systemClock } from '../dataplane/clock.ts';
import { Dataplane } from '../dataplane/dataplane.ts';
import { WeftError } from '../dataplane/errors.ts';
import type { Config } from './config/config.ts';
import { formatHostPort } from './config/host-port.ts';
import { requireUnderlayFits } from './config/semantics.ts';
import { EndpointStore } from './endpoints/endpoint-store.ts';
import { Endpoints } from './endpoints/endpoints.ts';
import { endpointWiring } from './endpoints/wiring.ts';
import { errorFields, type Log } from './log.ts';
import { nodeOperations } from './node-operations.ts';
import { OverlayNetwork } from './overlay-network.ts';
import { checkMachine } from './preflight.ts';
import type { RunningNode } from './running-node.ts';
import { findUnderlay, networkMtu } from './underlay.ts';
import { vtepsOf } from './vtep-directory.ts';

const MEMBER_NEWS: Readonly<Record<MemberEventType, string>> = {
  memberUp: 'peer is alive',
  memberUpdated: 'peer has changed what it says of itself',
  memberSuspect: 'peer does not answer',
  memberDown: 'peer is dead',
  memberLeft: 'peer has left',
  memberReaped: 'peer is forgotten',
};

export async function startNode(config: Config, log: Log): Promise<RunningNode> {
  checkMachine();
  const underlay = await findUnderlay(config.node.underlay);
  requireUnderlayFits(config, underlay.address);
  const mtus = config.networks.map(({ name, mtu }) => networkMtu(name, mtu, underlay));
  const store = new EndpointStore(config.paths.state);
  await store.load();

  const undo: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      // A step that fails must not keep the others from being undone.
      await step().catch(error => log.error(errorFields(error), 'cannot undo a step of the start'));
    }
  };
  try {
    return await start();
  } catch (error) {
    await stop();
    throw error;
  }

  async function start(): Promise<RunningNode> {
    let fail: (error: WeftError) => void = () => {};
    const fatal = new Promise<WeftError>(resolve => {
      fail = resolve;
    });

    const dataplane = new Dataplane({
      portLost: ({ port }) => {
        endpoints.portLost(port).catch(error => log.error(errorFields(error), 'cannot clean up a lost port'));
      },
      superFramesRefused: ({ vni, port }) => {
        log.warn(
          { component: 'dataplane', vni, ifname: port, offload: 'tap-gso' },
          'the TAP device refuses super-frames: they are written segment by segment from now on',
        );
      },
      died: cause => fail(new WeftError('system', `the dataplane died: ${cause.message}`, { cause })),
    });
    undo.push(() => dataplane.close());
    const networks = config.networks.map(
      (network, i) =>
        new OverlayNetwork(
          { dataplane },
          {
            config: network,
            mtu: mtus[i] ?? underlay.innerMtu,
            nodeName: config.node.name,
            vxlanPort: config.vxlan.port,
          },
        ),
    );
    const endpoints = new Endpoints({
      clock: systemClock,
      log,
      store,
      wiring: endpointWiring(dataplane),
      networks: networks.map(({ config: { name, vni, subnet, attach }, mtu }) => ({
        name,
        vni,
        subnet,
        attach,
        mtu,
      })),
      nodeName: config.node.name,
    });
    const gossip = new Gossip(
      { clock: systemClock, random: systemRandom, log: log.child({ component: 'control' }) },
      {
        name: config.node.name,
        address: underlay.address,
        port: config.gossip.port,
        join: config.gossip.join.map(formatHostPort),
        tags: weftTags({
          vtep: underlay.address,
          port: config.vxlan.port,
          vnis: config.networks.map(({ vni }) => vni),
        }),
      },
    );

    let serving = false;
    const applyMembers = async (): Promise<void> => {
      for (const network of networks) {
        await network.setGossipedVteps(vtepsOf(network.vni, gossip.members(), config.node.name));
      }
    };
    gossip.onEvent(event => {
      if (event.type === 'nameConflict') {
        fail(
          new WeftError('conflict', `the node name ${event.name} is taken in the pool by ${event.address}`, {
            hint: 'set node.name to a unique name',
          }),
        );
        return;
      }
      logMember(log, event);
      if (!serving) return;
      applyMembers().catch(error => log.error(errorFields(error), 'cannot tell the dataplane of a member'));
    });

    await dataplane.run('open', { underlay: underlay.address, port: config.vxlan.port });
    await gossip.start();
    undo.push(() => gossip.close());

    for (const network of networks) {
      await network.start();
      undo.push(() => network.stop({ keepDevices: endpoints.ofNetwork(network.name).length > 0 }));
    }
    undo.push(() => endpoints.stop());
    await endpoints.restore();

    serving = true;
    await applyMembers();
    undo.push(() => gossip.leave());

    return {
      operations: nodeOperations({
        clock: systemClock,
        name: config.node.name,
        underlay: underlay.address,
        dataplane,
        gossip,
        endpoints,
        networks,
      }),
      stop,
      fatal,
    };
  }
}

function logMember(log: Log, { type, member }: MemberEvent): void {
  const fields = { peer: member.name, address: member.address, state: member.state };
  if (type === 'memberDown' || type === 'memberSuspect') log.warn(fields, MEMBER_NEWS[type]);
  else log.info(fields, MEMBER_NEWS[type]);
}
