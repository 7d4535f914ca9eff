import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { FakeNft } from '../testing/fake-nft.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { Firewall } from './firewall.ts';
import type { PublishedPort } from './rules.ts';

const BLUE = { name: 'blue', device: 'wf-blue', subnets: ['198.18.0.0/24'] };
const WEB: PublishedPort = {
  protocol: 'tcp',
  hostPort: 8080,
  containerPort: 80,
  address: '198.18.0.2',
  owner: 'web',
};

function rig() {
  const nft = new FakeNft();
  const { log, lines } = memoryLog();
  const written: string[] = [];
  const asked: unknown[] = [];
  const remade: string[] = [];
  let published: readonly PublishedPort[] = [];
  const firewall = new Firewall({
    log,
    nft,
    settings: { write: async (path, value) => void written.push(`${path}=${value}`) },
    forwarding: {
      enable: async devices => {
        asked.push(devices);
        return { v4: [], v6: [] };
      },
    },
    published: () => published,
    onRemade: () => void remade.push('rules'),
  });
  const publish = (...ports: readonly PublishedPort[]) => {
    published = ports;
  };
  return { nft, lines, remade, written, asked, firewall, publish };
}

test('nothing is told before the start is over, and then all of it at once', async t => {
  const { nft, firewall, publish, written } = rig();
  publish(WEB);
  await firewall.add(BLUE);
  t.deepEqual(nft.applied, []);
  await firewall.begin();
  t.is(nft.applied.length, 1);
  t.regex(nft.applied[0] ?? '', /dnat to 198\.18\.0\.2:80/);
  t.deepEqual(written, ['ipv4/conf/wf-blue/route_localnet=1']);
});

test('what has not changed is not told again', async t => {
  const { nft, firewall } = rig();
  await firewall.begin();
  await firewall.add(BLUE);
  await firewall.sync();
  await firewall.look();
  t.is(nft.applied.length, 1);
});

test('the last network takes the rules along, and what is ours in chains of others', async t => {
  const { nft, firewall } = rig();
  const docker = { family: 'ip', table: 'filter', name: 'DOCKER-USER', rules: new Map([[7, 'somebody']]) };
  nft.foreign.push(
    { family: 'ip', table: 'filter', name: 'FORWARD', policy: 'drop', rules: new Map() },
    docker,
  );
  await firewall.begin();
  await firewall.add(BLUE);
  t.is(docker.rules.size, 5);
  await firewall.remove('blue');
  t.deepEqual([...docker.rules.values()], ['somebody']);
  t.deepEqual(await nft.list(['chains']), await nft.list(['chains']));
  t.true((await nft.list(['chains'])).every(({ chain }) => chain?.table === 'filter'));
});

test('a chain FORWARD that drops is opened when it appears, and one that accepts is let be', async t => {
  const { nft, firewall } = rig();
  await firewall.begin();
  await firewall.add(BLUE);
  const forward = {
    family: 'ip',
    table: 'filter',
    name: 'FORWARD',
    policy: 'drop',
    rules: new Map<number, string>(),
  };
  const accepting = { ...forward, family: 'ip6', policy: 'accept', rules: new Map<number, string>() };
  nft.foreign.push(forward, accepting);
  for (let looks = 0; looks < 10; looks++) await firewall.look();
  t.is(forward.rules.size, 4);
  t.is(accepting.rules.size, 0);
  // The own rules were there: they are not told again, so that their counters go on.
  t.is(nft.applied.filter(script => script.includes('table ip weft {')).length, 1);
});

test('rules that somebody has flushed are made again', async t => {
  const { nft, firewall, remade } = rig();
  await firewall.begin();
  await firewall.add(BLUE);
  nft.flush();
  for (let looks = 0; looks < 5; looks++) await firewall.look();
  t.is(nft.applied.length, 2);
  t.deepEqual(remade, ['rules']);
});

test('without nft, nothing is wrong as long as nobody needs it', async t => {
  const { nft, firewall } = rig();
  nft.failure = new WeftError('unavailable', 'cannot run nft', { hint: 'install the package nftables' });
  await firewall.begin();
  await t.throwsAsync(firewall.add(BLUE), { code: 'unavailable', message: 'cannot run nft' });
});

test('what is wanted while nft runs is told by one more run', async t => {
  const { nft, firewall, publish } = rig();
  await firewall.begin();
  await firewall.add(BLUE);
  publish(WEB);
  const first = firewall.sync();
  publish(WEB, { ...WEB, hostPort: 8081 });
  await Promise.all([first, firewall.sync(), firewall.sync(), firewall.sync()]);
  t.regex(nft.applied.at(-1) ?? '', /dport 8081/);
  t.true(nft.applied.length <= 3);
});

test('a run that fails is tried again', async t => {
  const { nft, firewall, publish } = rig();
  await firewall.begin();
  await firewall.add(BLUE);
  publish(WEB);
  nft.failure = new WeftError('system', 'busy');
  await t.throwsAsync(firewall.sync(), { message: 'busy' });
  nft.failure = undefined;
  await firewall.look();
  t.regex(nft.applied.at(-1) ?? '', /dport 8080/);
});
