/**
 * A million mutated datagrams and streams, made from what serf 0.9.4 has sent to weft (testing/captures.ts): nothing crashes,
 * nothing throws what it should not, memory stays bounded. WEFT_SEED runs a failure again.
 */
import { randomInt } from 'node:crypto';
import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { gossipKey } from './gossip-key.ts';
import { Keyring } from './keyring.ts';
import { decodePacket } from './packet.ts';
import { randomInteger, seededRandom } from './random.ts';
import { StreamReader } from './stream.ts';
import { CAPTURE_KEY, CAPTURED_DATAGRAMS, CAPTURED_STREAMS } from './testing/captures.ts';
import { Cluster } from './testing/cluster.ts';
import { mutate } from './testing/mutate.ts';
import { Wire } from './wire.ts';

const { WEFT_SEED = randomInt(2 ** 31) } = process.env;
const SEED = Number(WEFT_SEED);
const DATAGRAMS = 700_000;
const SEALED_DATAGRAMS = 100_000;
const STREAMS = 200_000;

/** What a node may hold beyond what it held, in bytes: a full member table, queues and sockets' worth of names. */
const MEMORY = 300 * 1024 * 1024;

const sealed = () => new Wire({ keyring: new Keyring([gossipKey(CAPTURE_KEY)]) });

function plainSeeds(): readonly Uint8Array[] {
  const wire = sealed();
  return CAPTURED_DATAGRAMS.map(bytes => {
    const plain = wire.unwrapPacket(bytes);
    if (typeof plain === 'string') throw new Error(`a capture does not open: ${plain}`);
    return plain;
  });
}

test(`fuzz: each of the captures is understood; seed ${SEED}`, t => {
  for (const bytes of plainSeeds()) t.deepEqual(decodePacket(bytes).drops, []);
  for (const bytes of CAPTURED_STREAMS) {
    const [plain, ...more] = sealed().streamOpener().push(bytes);
    t.is(more.length, 0);
    t.not(new StreamReader().push(plain ?? new Uint8Array(0)), undefined);
  }
});

test(`fuzz: ${DATAGRAMS} datagrams to a member of a pool; seed ${SEED}`, t => {
  t.timeout(300_000);
  const random = seededRandom(SEED);
  const cluster = new Cluster({ seed: SEED });
  cluster.addPool(3, { spread: 100 });
  cluster.run(10_000);
  const [node] = cluster.nodes;
  if (node === undefined) return t.fail();
  const seeds = plainSeeds();
  const before = process.memoryUsage().rss;
  let most = before;
  for (let round = 0; round < DATAGRAMS; round++) {
    const from = { address: parseIp(`10.0.0.${randomInteger(random, 8)}`), port: 7946 };
    cluster.network.inject(from, node.endpoint, mutate(random, seeds));
    if (round % 200 === 0) cluster.run(10);
    if (round % 10_000 === 0) most = Math.max(most, process.memoryUsage().rss);
  }
  t.true(most - before < MEMORY, `${most - before} bytes`);
  t.true(node.counters.report().datagramsReceived > DATAGRAMS);
  t.true(node.isRunning || node.events.at(-1)?.type === 'nameConflict');
});

test(`fuzz: ${SEALED_DATAGRAMS} sealed datagrams and ${STREAMS} streams; seed ${SEED}`, t => {
  t.timeout(300_000);
  const random = seededRandom(SEED + 1);
  const wire = sealed();
  let opened = 0;
  for (let round = 0; round < SEALED_DATAGRAMS; round++) {
    if (typeof wire.unwrapPacket(mutate(random, CAPTURED_DATAGRAMS)) !== 'string') opened += 1;
  }
  // The version is no part of what is authenticated, nor is what follows a whole message of a stream.
  t.true(opened < SEALED_DATAGRAMS / 1000, `${opened} opened`);
  const plain = CAPTURED_STREAMS.flatMap(bytes => sealed().streamOpener().push(bytes));
  let understood = 0;
  for (let round = 0; round < STREAMS; round++) {
    const isSealed = round % 4 === 0;
    const bytes = mutate(random, isSealed ? CAPTURED_STREAMS : plain);
    const opener = isSealed ? wire.streamOpener() : undefined;
    const reader = new StreamReader();
    const cut = randomInteger(random, bytes.length + 1);
    try {
      for (const chunk of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
        for (const piece of opener?.push(chunk) ?? [chunk])
          if (reader.push(piece) !== undefined) understood += 1;
      }
    } catch (error) {
      if (!(error instanceof WeftError && error.code === 'malformed')) throw error;
    }
  }
  t.true(understood > 1000, `${understood} understood`);
});
