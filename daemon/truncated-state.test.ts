/** Every file that weft keeps, cut at every byte: a reader takes all of it, or refuses it, or does without. Never a part. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parseGossipKey } from '../control/gossip-key.ts';
import { parseIp, parseMac, parseVni, type VtepAddress } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import type { CniCall } from './cni/call.ts';
import { carryOutPending } from './cni/pending.ts';
import { DockerStore } from './docker/docker-store.ts';
import type { Endpoint } from './endpoints/endpoint.ts';
import { EndpointStore } from './endpoints/endpoint-store.ts';
import { Forwarding } from './firewall/forwarding.ts';
import { loadKeyring } from './gossip/key-store.ts';
import { PeerStore } from './gossip/peer-store.ts';
import { IpamStore } from './ipam/ipam-store.ts';
import { CatalogueStore } from './networks/catalogue-store.ts';
import type { NetworkDefinition } from './networks/definition.ts';
import { ClaimMemory } from './records/claim-memory.ts';
import { FileEpochStore } from './records/epoch-store.ts';
import { memoryLog } from './testing/memory-log.ts';
import { tempDirectory } from './testing/temp-directory.ts';

const CLOCK = new ManualClock();
const node = 'vm-a';

/** A file, and the program's own way to write and to read it. */
interface Kept {
  readonly file: string;
  write(directory: string): unknown;
  /** What it takes for the content. */
  read(directory: string, log: ReturnType<typeof memoryLog>['log']): unknown;
  /** What it reads where there is no file; a reader that cannot do without throws `system` and says what to do. */
  readonly without?: unknown;
}

const ENDPOINT: Endpoint = {
  network: 'blue',
  vni: 42,
  attach: 'bridge',
  netns: { name: 'c1', path: '/run/netns/c1', inode: 4026532000 },
  ifname: 'eth0',
  mac: '02:00:5e:10:00:01',
  addresses: ['198.18.0.2/24'],
  mtu: 1450,
  hostLink: 'wv0123456789ab',
  pending: false,
};

const DEFINITION: NetworkDefinition = {
  id: '0123456789abcdef',
  name: 'blue',
  vni: parseVni(42),
  subnet: null,
  subnet6: null,
  mode: 'overlay',
  attach: 'bridge',
  gateway: [],
  parent: null,
  macvlanMode: 'bridge',
  ipam: 'none',
  exclude: [],
  static: [],
  mtu: 'auto',
  createdBy: 'vm-a',
  createdAt: 1,
  version: 1,
  removedAt: null,
};

const KEY = parseGossipKey(Buffer.alloc(32, 1).toString('base64'));
const OTHER_KEY = parseGossipKey(Buffer.alloc(32, 2).toString('base64'));

function claimMemory(runDirectory: string, log = memoryLog().log): ClaimMemory {
  const vtep = { address: parseIp('192.0.2.2') as VtepAddress, port: 4789 };
  const claims = [{ mac: parseMac('02:00:00:00:00:01'), ips: [parseIp('198.18.0.1')], mobility: 2 }];
  const records = { carriers: () => new Map(), owners: () => [].values(), tells: () => true };
  return new ClaimMemory(
    { clock: CLOCK, log, records },
    {
      self: node,
      runDirectory,
      vnis: () => [parseVni(42)],
      held: () => [{ vni: parseVni(42), origin: 'vm-b', vtep, tells: true, claims }],
    },
  );
}

function forwarding(stateDirectory: string) {
  const values = new Map([
    ['ipv4/ip_forward', '0'],
    ['ipv4/conf/eth0/forwarding', '0'],
  ]);
  const settings = {
    read: async (path: string) => values.get(path),
    write: async (path: string, value: string) => void values.set(path, value),
    devices: () => ['eth0'],
  };
  return { values, forwarding: new Forwarding({ settings }, { stateDirectory }) };
}

const ENDPOINTS: Kept = {
  file: 'endpoints.json',
  async write(directory) {
    const store = new EndpointStore(directory, { bootId: 'boot' });
    await store.load();
    await store.add(ENDPOINT);
  },
  async read(directory) {
    const store = new EndpointStore(directory, { bootId: 'boot' });
    await store.load();
    return store.all();
  },
};

const KEPT: Readonly<Record<string, Kept>> = {
  endpoints: ENDPOINTS,
  'the start of the machine that the endpoints are of': {
    file: 'endpoints.boot',
    write: directory => ENDPOINTS.write(directory),
    // Of another start, the endpoints are still taken: looked for, and forgotten where they are not.
    read: (directory, log) => ENDPOINTS.read(directory, log),
  },
  networks: {
    file: 'networks.json',
    write: stateDirectory =>
      new CatalogueStore({ stateDirectory }).save([{ told: true, definition: DEFINITION }]),
    read: stateDirectory => new CatalogueStore({ stateDirectory }).load(),
  },
  addresses: {
    file: 'ipam/0123456789abcdef.json',
    async write(stateDirectory) {
      const bytes = Uint8Array.of(1, 2, 3, 4, 5);
      const store = new IpamStore({ stateDirectory, id: '0123456789abcdef' });
      await store.save({ local: bytes, vote: bytes, council: bytes });
    },
    read: stateDirectory => new IpamStore({ stateDirectory, id: '0123456789abcdef' }).load(),
  },
  'networks of Docker': {
    file: 'docker.json',
    async write(stateDirectory) {
      await new DockerStore({ stateDirectory }).change(() => ({
        networks: [{ id: 'd1', network: 'blue' }],
        retiring: ['x'],
      }));
    },
    async read(stateDirectory) {
      const store = new DockerStore({ stateDirectory });
      await store.load();
      return store.state;
    },
  },
  'gossip keys': {
    file: 'gossip-keys.json',
    write: directory => loadKeyring(directory, { key: KEY, keys: [] })?.add(OTHER_KEY),
    read: directory =>
      loadKeyring(directory, { key: KEY, keys: [] })
        ?.all()
        .map(({ fingerprint }) => fingerprint),
  },
  'switches of forwarding': {
    file: 'forwarding.json',
    write: directory => forwarding(directory).forwarding.enable({ v4: ['wf-blue'], v6: [] }),
    async read(directory) {
      const { forwarding: second, values } = forwarding(directory);
      values.set('ipv4/conf/eth0/forwarding', '1');
      const text = await readFile(join(directory, 'forwarding.json'), 'utf8');
      await second.restore();
      // What it did with it takes the file away.
      await writeFile(join(directory, 'forwarding.json'), text);
      return [...values];
    },
  },
  peers: {
    file: 'peers.json',
    async write(stateDirectory) {
      const store = new PeerStore({ log: memoryLog().log }, { stateDirectory, node });
      store.save([{ address: parseIp('192.0.2.2'), port: 7946, seen: 5 }]);
      await store.saved();
    },
    read: (stateDirectory, log) => new PeerStore({ log }, { stateDirectory, node }).load(),
    without: [],
  },
  'the counter of the record log': {
    file: 'record-log.json',
    write(stateDirectory) {
      const store = new FileEpochStore({ log: memoryLog().log }, { stateDirectory, node });
      store.begin();
      store.save(123);
    },
    read: (stateDirectory, log) => new FileEpochStore({ log }, { stateDirectory, node }).load(),
    without: 0,
  },
  claims: {
    file: 'claims.json',
    write(directory) {
      const memory = claimMemory(directory);
      memory.changed();
      memory.stop();
    },
    read: (directory, log) => claimMemory(directory, log).load(),
    without: [],
  },
};

for (const [what, kept] of Object.entries(KEPT)) {
  test(`${what}: ${kept.file} cut at every byte is read whole, or refused, or done without`, async t => {
    const directory = await tempDirectory(t);
    await kept.write(directory);
    const path = join(directory, kept.file);
    const whole = await readFile(path);
    t.true(whole.length > 3);
    const content = await kept.read(directory, memoryLog().log);
    t.notDeepEqual(content, kept.without, 'there is something in it');
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const { log, lines } = memoryLog();
      const { value, error } = await outcome(() => kept.read(directory, log));
      if (error !== undefined) {
        t.true(error instanceof WeftError, `${length} bytes: ${error}`);
        t.like(error, { code: 'system' });
        t.true((error as WeftError).message.includes(path), `${length} bytes: ${error}`);
        t.regex((error as WeftError).hint ?? '', /^(move it away|remove it)/);
      } else if ('without' in kept && lines.length > 0) {
        t.deepEqual(value, kept.without, `${length} bytes`);
        t.like(lines, [{ level: 'warn' }]);
      } else {
        t.deepEqual(value, content, `${length} of ${whole.length} bytes`);
      }
      t.deepEqual(await readFile(path), whole.subarray(0, length), 'it stays as it was found');
    }
  });
}

async function outcome(work: () => unknown): Promise<{ readonly value?: unknown; readonly error?: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

test('a DEL that came while no daemon ran, cut at every byte, is carried out as it was, or kept', async t => {
  const directory = await tempDirectory(t);
  const file = join(directory, 'cni', '0000000001.000000001-1.del');
  const config = JSON.stringify({ cniVersion: '1.0.0', name: 'blue', type: 'weft-cni' });
  const whole = `CNI_COMMAND=DEL\nCNI_CONTAINERID=c1234\nCNI_NETNS=/run/netns/c1\nCNI_IFNAME=eth0\n\n${config}`;
  await mkdir(join(directory, 'cni'));
  const seen = new Set<string>();
  let carriedOut = 0;
  for (let length = 0; length <= whole.length; length++) {
    await writeFile(file, whole.slice(0, length));
    const cni = async (call: CniCall) => {
      // As CniOperations does, before anything else: what is no JSON is refused.
      JSON.parse(call.config ?? '');
      carriedOut++;
      seen.add(JSON.stringify(call));
      return { ok: true, body: '' };
    };
    await carryOutPending({ log: memoryLog().log, cni }, directory);
  }
  t.true(carriedOut >= 1);
  t.is(seen.size, 1, [...seen].join('\n'));
});
