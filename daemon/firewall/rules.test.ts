import { execFileSync } from 'node:child_process';
import test from 'ava';
import { type FirewallState, renderRules } from './rules.ts';

const NOTHING: FirewallState = { networks: [], published: [], opened: { v4: [], v6: [] } };

const BLUE = { name: 'blue', device: 'wf-blue', subnets: ['198.18.0.0/24', '2001:db8:18::/64'] };

const BUSY: FirewallState = {
  networks: [BLUE, { name: 'red', device: 'wt-red', subnets: ['198.19.0.0/24'] }],
  published: [
    { protocol: 'tcp', hostPort: 8080, containerPort: 80, address: '198.18.0.2', owner: 'web "x"; drop' },
    { protocol: 'tcp', hostPort: 8080, containerPort: 80, address: '2001:db8:18::2', owner: 'web' },
    {
      protocol: 'udp',
      hostPort: 53,
      containerPort: 5353,
      hostAddress: '192.0.2.1',
      address: '198.19.0.2',
      owner: 'dns',
    },
  ],
  opened: { v4: ['eth0', 'eth1'], v6: ['eth0'] },
};

/** The rules of a chain, as they stand in the text. */
function rulesOf(text: string, family: string, name: string): readonly string[] {
  const table = text.slice(text.indexOf(`table ${family} weft {`));
  const [, body = ''] = new RegExp(`^chain ${name} \\{\\n(.*?)^\\}`, 'ms').exec(table) ?? [];
  return body.split('\n').filter(line => line !== '' && !line.startsWith('type '));
}

test('nothing is wanted: only tables that are there are removed', t => {
  t.is(renderRules(NOTHING, []), '');
  t.is(renderRules(NOTHING, ['ip6']), 'add table ip6 weft\ndelete table ip6 weft\n');
});

test('a family without a subnet gets no table, and loses the one that it has', t => {
  const state = { ...NOTHING, networks: [{ ...BLUE, subnets: ['198.18.0.0/24'] }] };
  t.notRegex(renderRules(state, []), /ip6/);
  const both = renderRules(state, ['ip', 'ip6']);
  t.true(both.includes('delete table ip6 weft'));
  t.false(both.includes('table ip6 weft {'));
});

test('published ports lead to the container, of one address of the VM or of all', t => {
  const text = renderRules(BUSY, []);
  t.deepEqual(rulesOf(text, 'ip', 'publish'), [
    'tcp dport 8080 counter dnat to 198.18.0.2:80 comment "web _x__ drop"',
    'ip daddr 192.0.2.1 udp dport 53 counter dnat to 198.19.0.2:5353 comment "dns"',
  ]);
  t.deepEqual(rulesOf(text, 'ip6', 'publish'), [
    'tcp dport 8080 counter dnat to [2001:db8:18::2]:80 comment "web"',
  ]);
});

test('into a network come answers and published ports, out of it its own addresses; other interfaces go on forwarding nothing else', t => {
  t.deepEqual(rulesOf(renderRules(BUSY, []), 'ip', 'forward').slice(0, 5), [
    'iifname "wf-blue" oifname "wf-blue" counter accept',
    'oifname "wf-blue" ct state established,related counter accept',
    'oifname "wf-blue" ct status dnat counter accept',
    'oifname "wf-blue" counter drop',
    'iifname "wf-blue" ip saddr != 198.18.0.0/24 counter drop',
  ]);
  t.is(
    rulesOf(renderRules(BUSY, []), 'ip', 'forward').at(-1),
    'iifname { "eth0", "eth1" } oifname != { "wf-blue", "wt-red" } counter drop',
  );
  t.false(renderRules({ ...BUSY, opened: { v4: [], v6: [] } }, []).includes('eth0'));
});

test('the kernel takes all of it, and takes it again', t => {
  const netns = `weft-rules-${process.pid}`;
  execFileSync('ip', ['netns', 'add', netns]);
  t.teardown(() => execFileSync('ip', ['netns', 'del', netns]));
  const nft = (args: readonly string[], input = '') =>
    execFileSync('ip', ['netns', 'exec', netns, '/usr/sbin/nft', ...args], { input, encoding: 'utf8' });
  nft(['-f', '-'], renderRules(BUSY, []));
  nft(['-f', '-'], renderRules(BUSY, ['ip', 'ip6']));
  const listed = nft(['list', 'ruleset']);
  t.regex(listed, /dnat to 198\.18\.0\.2:80 comment/);
  t.is(listed.match(/^table/gm)?.length, 2);
  nft(['-f', '-'], renderRules(NOTHING, ['ip', 'ip6']));
  t.is(nft(['list', 'ruleset']), '');
});
