/** The plugin without a kernel and without Docker: what dockerd says in the order in which it says it, over fakes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { type HandoverRequest, handoverPlace } from '../endpoints/handover.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { NetworkDefinition } from '../networks/definition.ts';
import type { NetworkCreateRequest, NetworkReport } from '../operations.ts';
import { FAKE_NETWORKS } from '../testing/fake-networks.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { DockerEndpoints } from './docker-endpoints.ts';
import { DockerIpam } from './docker-ipam.ts';
import { DockerNetworks } from './docker-networks.ts';
import { DockerPlugin } from './docker-plugin.ts';
import { DockerStore } from './docker-store.ts';
import { LABEL } from './protocol.ts';

const NETWORK = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const ENDPOINT = 'e'.repeat(64);
const SUBNET = '198.18.0.0/24';

/** What the methods answer, of which each has a part. */
interface Answer {
  readonly PoolID: string;
  readonly Address: string;
  readonly Interface: { readonly MacAddress: string };
  readonly InterfaceName: { readonly SrcName: string };
  readonly DisableGatewayService?: boolean;
  readonly Gateway?: string;
}

async function rig(t: ExecutionContext) {
  const [template] = FAKE_NETWORKS;
  if (template === undefined) throw new Error('unreachable');
  const stateDirectory = await tempDirectory(t);
  const clock = new ManualClock();
  const { log } = memoryLog();
  const store = new DockerStore({ stateDirectory });
  let networks: (NetworkReport & { lifetime?: 'docker' })[] = [];
  let endpoints: Endpoint[] = [];
  const used = new Set<string>();
  const others = new Set<string>();
  const claims = new Map<string, string>();
  const state = { isInUse: false, isJoinHeld: false, release: () => {} };
  const operations = {
    networks: async () => networks,
    async createNetwork(
      { name, vni = 77, subnet, subnet6, attach, gateway = false, gatewayAddresses }: NetworkCreateRequest,
      lifetime?: NetworkDefinition['lifetime'],
    ) {
      const subnets = { subnet: subnet ?? null, subnet6: subnet6 ?? null };
      const made = {
        ...template,
        name,
        vni,
        ...subnets,
        attach,
        gateway: gateway ? (gatewayAddresses ?? []) : [],
        ipam: 'weft' as const,
      };
      networks = [...networks, lifetime === undefined ? made : { ...made, lifetime }];
      return made;
    },
    async removeNetwork({ name }: { name: string }) {
      if (state.isInUse) throw new WeftError('conflict', 'in use');
      networks = networks.filter(network => network.name !== name);
      return { removed: true };
    },
  };
  const mapping = new DockerNetworks({
    clock,
    log,
    store,
    operations,
    catalogue: {
      find: name =>
        networks.find(network => network.name === name) as unknown as NetworkDefinition | undefined,
      made: () => [],
      remove: () => {},
    },
    users: {
      set: (name: string, isUsed: boolean) => (isUsed ? used.add(name) : used.delete(name)),
      others: (name: string) => (others.has(name) ? ['b'] : []),
    } as never,
    letGo: () => {},
    self: 'a',
  });
  let next = 2;
  const attachments: HandoverRequest[] = [];
  const plugin = new DockerPlugin({
    clock,
    log,
    store,
    networks: mapping,
    endpoints: new DockerEndpoints({
      store,
      networks: mapping,
      carrier: {
        find(name) {
          const network = networks.find(other => other.name === name);
          return { ...network, isRouted: network?.gateway.length !== 0 } as unknown as AttachableNetwork;
        },
      },
      endpoints: {
        all: () => endpoints,
        remove: async endpoint => {
          endpoints = endpoints.filter(other => other !== endpoint);
        },
        async publish(endpoint, wishes) {
          const ports = wishes.map(({ hostPorts: [hostPort], ...rest }) => ({ ...rest, hostPort }));
          const published = { ...endpoint, ports };
          endpoints = endpoints.map(other => (other === endpoint ? published : other));
          return published;
        },
        async withdraw(endpoint) {
          const { ports: _, ...rest } = endpoint;
          endpoints = endpoints.map(other => (other === endpoint ? rest : other));
        },
      },
      log,
      async attach(request) {
        attachments.push(request);
        if (state.isJoinHeld) await new Promise<void>(resolve => (state.release = resolve));
        const endpoint = {
          ...request,
          ...handoverPlace(request, 'bridge'),
          gateways: networks.find(({ name }) => name === request.network)?.gateway,
        } as unknown as Endpoint;
        endpoints = [...endpoints, endpoint];
        return endpoint;
      },
      nodeName: 'a',
    }),
    ipam: new DockerIpam({
      store,
      networks: mapping,
      ipam: {
        isManaged: () => true,
        take: async (_, owner, wanted) => {
          if ([...claims.values()].includes(wanted[0] ?? ''))
            throw new WeftError('conflict', 'is in use here');
          claims.set(owner, wanted[0] ?? '');
          return wanted;
        },
        takeOne: async (_, owner, family) => {
          const address = family === 4 ? `198.18.0.${next++}/24` : `2001:db8:18::${next++}/64`;
          claims.set(owner, address);
          return address;
        },
        release: async (_, owner) => {
          claims.delete(owner);
        },
      },
    }),
    onActivate: async () => {},
  });
  await plugin.load();
  plugin.start();
  t.teardown(() => plugin.stop());
  const call = async (method: string, body: object = {}) => (await plugin.handle(method, body)) as Answer;
  const saved = async () => JSON.parse(await readFile(join(stateDirectory, 'docker.json'), 'utf8'));
  return {
    attachments,
    call,
    claims,
    clock,
    others,
    saved,
    state,
    store,
    used,
    networks: () => networks,
    endpoints: () => endpoints,
  };
}

const pool = (subnet = SUBNET) => ({ AddressSpace: 'weft', Pool: subnet, Gateway: '0.0.0.0/0' });

function createNetwork(options: Record<string, string>, id = NETWORK, v4: object = pool()) {
  return { NetworkID: id, Options: { [LABEL.generic]: options }, IPv4Data: [v4], IPv6Data: [] };
}

async function poolId(call: (method: string, body: object) => Promise<Answer>, options?: object) {
  const { PoolID } = await call('IpamDriver.RequestPool', {
    Pool: SUBNET,
    SubPool: '',
    Options: options ?? null,
    V6: false,
  });
  return PoolID;
}

test('a container from its address to its end: everything is saved, and nothing is left', async t => {
  const { attachments, call, claims, endpoints, networks, saved } = await rig(t);
  const PoolID = await poolId(call);
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue', attach: 'tap' }));
  t.like(networks()[0], { name: 'blue', attach: 'tap', subnet: SUBNET, lifetime: 'docker' });
  const { Address } = await call('IpamDriver.RequestAddress', { PoolID, Address: '', Options: null });
  t.is(Address, '198.18.0.2/24');
  const ids = { NetworkID: NETWORK, EndpointID: ENDPOINT };
  const created = await call('NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address }, Options: {} });
  const { MacAddress } = created.Interface;
  t.regex(MacAddress, /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
  t.deepEqual(endpoints(), [], 'attached is at Join');
  const joined = await call('NetworkDriver.Join', { ...ids, SandboxKey: '/run/docker/netns/1', Options: {} });
  const { SrcName } = joined.InterfaceName;
  t.regex(SrcName, /^wc[0-9a-f]{12}$/);
  t.true(joined.DisableGatewayService);
  t.like(attachments[0], { network: 'blue', addresses: ['198.18.0.2/24'], mac: MacAddress });
  t.deepEqual(attachments[0]?.leases, [...claims.keys()]);
  const file = await saved();
  t.deepEqual(file.networks, [{ id: NETWORK, network: 'blue' }]);
  t.is(file.endpoints[0].id, ENDPOINT);
  t.is(file.leases[0].address, '198.18.0.2');

  await call('NetworkDriver.Leave', ids);
  for (let round = 0; round < 2; round++) await call('NetworkDriver.DeleteEndpoint', ids);
  await call('IpamDriver.ReleaseAddress', { PoolID, Address: '198.18.0.2' });
  await call('IpamDriver.ReleaseAddress', { PoolID, Address: '0.0.0.0' });
  for (let round = 0; round < 2; round++) await call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK });
  t.deepEqual(endpoints(), []);
  t.deepEqual([...claims], []);
  t.deepEqual(networks(), []);
  t.like(await saved(), { networks: [], endpoints: [], leases: [], retiring: [] });
});

/** As dockerd 20.10 sends `-p 8080:80`. */
const PORT = { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 };

test('a network with a gateway: Docker is told of it, and ports lead to the container until they are revoked', async t => {
  const { attachments, call, endpoints, networks } = await rig(t);
  const asked = { ...pool(), Gateway: '198.18.0.1/24' };
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }, NETWORK, asked));
  t.deepEqual(networks()[0]?.gateway, ['198.18.0.1']);
  const ids = { NetworkID: NETWORK, EndpointID: ENDPOINT };
  const Interface = { Address: '198.18.0.7/24' };
  const Options = { [LABEL.portMap]: [PORT], 'weft.name': 'web' };
  await call('NetworkDriver.CreateEndpoint', { ...ids, Interface, Options });
  const joined = await call('NetworkDriver.Join', { ...ids, SandboxKey: '/run/docker/netns/1' });
  t.is(joined.Gateway, '198.18.0.1');
  t.is(joined.DisableGatewayService, undefined);
  t.deepEqual(attachments[0]?.names, ['web']);
  t.is(endpoints()[0]?.ports, undefined);
  await call('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
  t.like(endpoints()[0]?.ports, [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]);
  for (let round = 0; round < 2; round++) await call('NetworkDriver.RevokeExternalConnectivity', ids);
  t.is(endpoints()[0]?.ports, undefined);
  await call('NetworkDriver.DeleteEndpoint', ids);
  await call('NetworkDriver.RevokeExternalConnectivity', ids);
});

test('ports are refused where the VM is not the gateway', async t => {
  const { call, store } = await rig(t);
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }));
  const Options = { [LABEL.portMap]: [PORT] };
  const request = { NetworkID: NETWORK, EndpointID: ENDPOINT, Interface: { Address: '' }, Options };
  await t.throwsAsync(call('NetworkDriver.CreateEndpoint', request), {
    message: 'port 80 cannot be published in network blue: this VM is not its gateway',
  });
  t.deepEqual(store.state.endpoints, []);
});

test('ports are refused for a container without an address', async t => {
  const { call } = await rig(t);
  const asked = { ...pool(), Gateway: '198.18.0.1/24' };
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }, NETWORK, asked));
  const Options = { [LABEL.portMap]: [PORT] };
  const request = { NetworkID: NETWORK, EndpointID: ENDPOINT, Interface: { Address: '' }, Options };
  await t.throwsAsync(call('NetworkDriver.CreateEndpoint', request), {
    message: 'port 80 cannot be published in network blue: the container has no address',
  });
});

test('a network that is there has to agree about its gateway, and to be an overlay', async t => {
  const { call, networks } = await rig(t);
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'plain' }));
  const asked = { ...pool(), Gateway: '198.18.0.1/24' };
  for (const [request, message] of [
    [createNetwork({ network: 'plain' }, OTHER, asked), 'network plain has no gateway, not 198.18.0.1'],
    [createNetwork({ network: 'plain', gateway: 'true' }, OTHER), 'network plain has no gateway'],
  ] as const) {
    await t.throwsAsync(call('NetworkDriver.CreateNetwork', request), { code: 'conflict', message });
  }
  const [plain] = networks();
  if (plain !== undefined) Object.assign(plain, { gateway: ['198.18.0.1'] });
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'plain', gateway: 'true' }, OTHER));
  const internal = createNetwork({ network: 'plain' }, OTHER);
  Object.assign(internal.Options, { [LABEL.internal]: true });
  await t.throwsAsync(call('NetworkDriver.CreateNetwork', internal), { message: /it is not internal/ });
  if (plain !== undefined) Object.assign(plain, { mode: 'macvlan' });
  await t.throwsAsync(call('NetworkDriver.CreateNetwork', createNetwork({ network: 'plain' }, OTHER)), {
    message: /of mode macvlan: Docker cannot attach/,
  });
});

test('which network is meant: by name, by VNI, by subnet; what is there is joined, and has to agree', async t => {
  const { call, networks } = await rig(t);
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue', vni: '42' }));
  for (const options of [
    { network: 'blue' },
    { vni: '42' },
    {},
    { network: 'blue', vni: '42', attach: 'bridge' },
  ]) {
    await call('NetworkDriver.CreateNetwork', createNetwork(options, OTHER));
  }
  t.deepEqual(
    networks().map(({ name }) => name),
    ['blue'],
  );
  for (const [options, line] of [
    [{ network: 'blue', vni: '43' }, /network blue has vni 42, not 43/],
    [{ network: 'blue', attach: 'tap' }, /network blue has attach bridge, not tap/],
    [{ network: 'blue', mtu: '1000' }, /network blue has MTU 1450, not 1000/],
  ] as const) {
    await t.throwsAsync(call('NetworkDriver.CreateNetwork', createNetwork(options, OTHER)), {
      message: line,
    });
  }
  await t.throwsAsync(
    call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }, OTHER, pool('198.18.9.0/24'))),
    {
      message: /has subnet 198\.18\.0\.0\/24, not 198\.18\.9\.0\/24/,
    },
  );
  const foreign = { AddressSpace: 'LocalDefault', Pool: SUBNET, Gateway: '198.18.0.1/24' };
  await t.throwsAsync(call('NetworkDriver.CreateNetwork', createNetwork({}, OTHER, foreign)), {
    message: /not clear which network/,
  });
});

test('the network stays while another node, or another Docker network, has a use for it, and while somebody is in it', async t => {
  const { call, clock, networks, others, state, store, used } = await rig(t);
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }));
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }, OTHER));
  await call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK });
  t.is(networks().length, 1);
  t.true(used.has('blue'));
  others.add('blue');
  await call('NetworkDriver.DeleteNetwork', { NetworkID: OTHER });
  t.is(networks().length, 1, 'b removes it');
  t.false(used.has('blue'));
  t.deepEqual(store.state.retiring, []);

  others.clear();
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }));
  state.isInUse = true;
  await call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK });
  t.is(networks().length, 1);
  state.isInUse = false;
  clock.advance(1000);
  await waitFor(() => networks().length === 0, { what: 'the network to be removed' });
});

test('one that nobody made for Docker stays', async t => {
  const { call, networks } = await rig(t);
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }));
  delete networks()[0]?.lifetime;
  await call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK });
  t.is(networks().length, 1);
});

test('IPAM: the subnet of a network that is named, fixed addresses, and what is nobody’s to give', async t => {
  const { call, claims } = await rig(t);
  // While the network is being made: --gateway and --aux-address.
  const PoolID = await poolId(call, { network: 'blue' });
  const gateway = { RequestAddressType: LABEL.gateway };
  const asked = { PoolID, Address: '198.18.0.1', Options: gateway };
  t.is((await call('IpamDriver.RequestAddress', asked)).Address, '198.18.0.1/24');
  t.is((await call('IpamDriver.RequestAddress', { PoolID, Address: '198.18.0.9' })).Address, '198.18.0.9/24');
  await t.throwsAsync(call('IpamDriver.RequestAddress', { PoolID, Address: '' }), {
    message: /there is no network blue/,
  });
  t.is(claims.size, 0);
  await t.throwsAsync(call('IpamDriver.RequestPool', { Pool: '' }), { message: /needs a subnet of IPv4/ });
  await t.throwsAsync(call('IpamDriver.RequestPool', { Pool: SUBNET, SubPool: '198.18.0.0/25' }), {
    message: /shares the addresses/,
  });

  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }));
  const named = await call('IpamDriver.RequestPool', { Pool: '', Options: { network: 'blue' } });
  t.like(named, { Pool: SUBNET, PoolID, Data: { [LABEL.gateway]: '0.0.0.0/0' } });
  t.is(
    (await call('IpamDriver.RequestAddress', { PoolID, Address: '198.18.0.44' })).Address,
    '198.18.0.44/24',
  );
  await t.throwsAsync(call('IpamDriver.RequestAddress', { PoolID, Address: '198.18.0.44' }), {
    message: /in use/,
  });
  t.is(claims.size, 1);
});

test('what dockerd has begun and forgotten is collected after five minutes, and not before', async t => {
  const { call, claims, clock, endpoints, store } = await rig(t);
  const PoolID = await poolId(call);
  await call('NetworkDriver.CreateNetwork', createNetwork({}));
  const ids = { NetworkID: NETWORK, EndpointID: ENDPOINT };
  const used = await call('IpamDriver.RequestAddress', { PoolID, Address: '' });
  await call('NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address: used.Address } });
  await call('NetworkDriver.Join', { ...ids, SandboxKey: '/run/docker/netns/1' });
  await call('IpamDriver.RequestAddress', { PoolID, Address: '' });
  const other = { NetworkID: NETWORK, EndpointID: 'f'.repeat(64) };
  await call('NetworkDriver.CreateEndpoint', { ...other, Interface: { Address: '' } });
  t.is(claims.size, 2);
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) {
      clock.advance(60_000);
      // What is collected is written to the disk.
      for (let turn = 0; turn < 20; turn++) await store.change(() => ({}));
    }
  };
  await minutes(5);
  t.is(claims.size, 2);
  t.is(store.state.endpoints.length, 2);
  await minutes(2);
  t.deepEqual([...claims.values()], [used.Address]);
  t.deepEqual(
    store.state.endpoints.map(({ id }) => id),
    [ENDPOINT],
  );
  t.is(endpoints().length, 1, 'what is in use stays');
});

test('a Join that comes too late is taken back', async t => {
  const { call, clock, endpoints, state } = await rig(t);
  await call('NetworkDriver.CreateNetwork', createNetwork({ network: 'blue' }));
  const ids = { NetworkID: NETWORK, EndpointID: ENDPOINT };
  await call('NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address: '198.18.0.7/24' } });
  state.isJoinHeld = true;
  const joining = call('NetworkDriver.Join', { ...ids, SandboxKey: '/run/docker/netns/1' });
  clock.advance(20_000);
  await t.throwsAsync(joining, { code: 'unavailable' });
  const deleting = call('NetworkDriver.DeleteEndpoint', ids);
  state.release();
  await deleting;
  t.deepEqual(endpoints(), []);
});

test('what is asked for wrongly, and what is not known, is said in a line', async t => {
  const { call } = await rig(t);
  const ids = { NetworkID: NETWORK, EndpointID: ENDPOINT };
  for (const [method, body, line] of [
    ['NetworkDriver.CreateNetwork', {}, /^CreateNetwork: NetworkID: /],
    [
      'NetworkDriver.CreateNetwork',
      { ...createNetwork({}), NetworkID: '../x' },
      /^CreateNetwork: NetworkID: is not an id/,
    ],
    ['NetworkDriver.Join', ids, /^Join: SandboxKey: /],
    ['NetworkDriver.Join', { ...ids, SandboxKey: 'netns' }, /is not the path of a namespace/],
    ['NetworkDriver.Join', { ...ids, SandboxKey: '/x' }, /^weft knows no endpoint eeee/],
    ['NetworkDriver.CreateEndpoint', ids, /^weft knows nothing of Docker's network aaaa/],
    [
      'IpamDriver.RequestAddress',
      { PoolID: 'nonsense', Address: '' },
      /is not an address with a prefix length/,
    ],
    ['IpamDriver.RequestPool', { Pool: 'nonsense' }, /is not an address with a prefix length/],
  ] as const) {
    await t.throwsAsync(call(method, body), { instanceOf: WeftError, message: line }, `${method} ${line}`);
  }
  t.is(await call('NetworkDriver.AllocateNetwork'), undefined as never);
});
