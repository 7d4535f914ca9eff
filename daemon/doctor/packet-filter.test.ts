import test from 'ava';
import { parseIptablesRules } from './iptables-rules.ts';
import { parseNftRules } from './nft-rules.ts';
import { type Chain, culprits, type Packet } from './packet-filter.ts';

const VXLAN: Packet = {
  family: 4,
  protocol: 'udp',
  dport: 4789,
  daddr: '192.0.2.1',
  iif: 'eth0',
  state: 'new',
};

/** The rules of `-P INPUT POLICY` and these. */
function iptables(policy: 'ACCEPT' | 'DROP', ...rules: readonly string[]): readonly Chain[] {
  const text = ['*filter', `:INPUT ${policy} [0:0]`, ':SUB - [0:0]', ...rules, 'COMMIT'].join('\n');
  return parseIptablesRules(text, { tool: 'iptables', family: 'ip' });
}

/** Which of them drops VXLAN: its text, `policy`, or nothing. */
function blamed(chains: readonly Chain[], packet = VXLAN): string | undefined {
  const [culprit] = culprits({ chains }, ['input'], packet);
  return culprit && (culprit.rule?.text ?? 'policy');
}

test('a rule of iptables is blamed only if it drops the packet for certain', t => {
  const drop = '-p udp -m udp --dport 4789 -j DROP';
  const table: readonly (readonly [string, readonly Chain[], string | undefined])[] = [
    ['nothing', iptables('ACCEPT'), undefined],
    ['the policy', iptables('DROP'), 'policy'],
    ['the rule', iptables('ACCEPT', `-A INPUT ${drop}`), drop],
    ['a rejection', iptables('ACCEPT', '-A INPUT -p udp -j REJECT'), '-p udp -j REJECT'],
    ['another port', iptables('ACCEPT', '-A INPUT -p udp -m udp --dport 4790 -j DROP'), undefined],
    [
      'a range',
      iptables('ACCEPT', '-A INPUT -p udp --dport 4000:5000 -j DROP'),
      '-p udp --dport 4000:5000 -j DROP',
    ],
    [
      'a list',
      iptables('ACCEPT', '-A INPUT -p udp -m multiport --dports 53,4789 -j DROP'),
      '-p udp -m multiport --dports 53,4789 -j DROP',
    ],
    ['another protocol', iptables('ACCEPT', '-A INPUT -p tcp -j DROP'), undefined],
    ['not this protocol', iptables('ACCEPT', '-A INPUT ! -p tcp -j DROP'), '! -p tcp -j DROP'],
    ['another device', iptables('ACCEPT', '-A INPUT -i docker0 -j DROP'), undefined],
    ['devices by prefix', iptables('ACCEPT', '-A INPUT -i eth+ -j DROP'), '-i eth+ -j DROP'],
    ['a destination', iptables('ACCEPT', '-A INPUT -d 192.0.2.0/24 -j DROP'), '-d 192.0.2.0/24 -j DROP'],
    ['another destination', iptables('ACCEPT', '-A INPUT -d 198.51.100.0/24 -j DROP'), undefined],
    ['a source that may be a peer', iptables('ACCEPT', '-A INPUT -s 192.0.2.7/32 -j DROP'), undefined],
    [
      'accepted before',
      iptables('DROP', '-A INPUT -p udp --dport 4789 -j ACCEPT', '-A INPUT -j DROP'),
      undefined,
    ],
    [
      'perhaps accepted before',
      iptables('DROP', '-A INPUT -m set --match-set peers src -j ACCEPT'),
      undefined,
    ],
    [
      'answers only are accepted',
      iptables('DROP', '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'),
      'policy',
    ],
    ['a chain below', iptables('ACCEPT', '-A INPUT -j SUB', `-A SUB ${drop}`), drop],
    [
      'a chain below that returns',
      iptables('ACCEPT', '-A INPUT -j SUB', '-A SUB -j RETURN', `-A SUB ${drop}`),
      undefined,
    ],
    ['a chain below that accepts', iptables('DROP', '-A INPUT -j SUB', '-A SUB -p udp -j ACCEPT'), undefined],
    ['a chain that is not there', iptables('DROP', '-A INPUT -j NOWHERE'), undefined],
    ['a circle', iptables('DROP', '-A INPUT -j SUB', '-A SUB -j SUB'), undefined],
    [
      'a quoted comment',
      iptables('ACCEPT', '-A INPUT -m comment --comment "-j DROP all" -j ACCEPT'),
      undefined,
    ],
    ['only logged', iptables('ACCEPT', '-A INPUT -p udp -j LOG'), undefined],
  ];
  for (const [what, chains, expected] of table) t.is(blamed(chains), expected, what);
});

/** As nft 1.0.6 prints it. */
function nft(chain: Readonly<Record<string, unknown>>, ...rules: readonly (readonly unknown[])[]): string {
  const at = { family: 'inet', table: 't' };
  return JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'inet', name: 't', handle: 1 } },
      { chain: { ...at, name: 'in', type: 'filter', hook: 'input', prio: 0, policy: 'accept', ...chain } },
      ...rules.map(expr => ({ rule: { ...at, chain: 'in', ...chain, expr } })),
    ],
  });
}

const port = (right: unknown, op = '==') => ({
  match: { op, left: { payload: { protocol: 'udp', field: 'dport' } }, right },
});
const meta = (key: string, right: unknown) => ({ match: { op: '==', left: { meta: { key } }, right } });

test('a rule of nftables is blamed only if it drops the packet for certain', t => {
  const counter = { counter: { packets: 0, bytes: 0 } };
  const table: readonly (readonly [string, string, string | undefined])[] = [
    ['the rule', nft({}, [port(4789), counter, { drop: null }]), 'dport 4789 drop'],
    ['another port', nft({}, [port(53), { drop: null }]), undefined],
    ['not this port', nft({}, [port(4789, '!='), { drop: null }]), undefined],
    ['a set', nft({}, [port({ set: [53, 4789] }), { drop: null }]), 'dport 53,4789 drop'],
    ['a range', nft({}, [port({ range: [4000, 5000] }), { drop: null }]), 'dport 4000-5000 drop'],
    ['a named set', nft({}, [port('@ports'), { drop: null }]), undefined],
    ['the policy', nft({ policy: 'drop' }), 'policy'],
    ['perhaps accepted', nft({ policy: 'drop' }, [port('@ports'), { accept: null }]), undefined],
    ['now and then', nft({}, [{ limit: { rate: 1, per: 'second' } }, port(4789), { drop: null }]), undefined],
    ['by device', nft({}, [meta('iifname', 'eth0'), { reject: null }]), 'iifname eth0 drop'],
    ['by another device', nft({}, [meta('iifname', 'eth1'), { drop: null }]), undefined],
    ['an unknown statement', nft({}, [{ xt: null }, { drop: null }]), undefined],
    ['a bridge', nft({ family: 'bridge', policy: 'drop' }), undefined],
    ['another family', nft({ family: 'ip6', policy: 'drop' }), undefined],
    ['another device', nft({ family: 'netdev', hook: 'input', dev: 'eth1', policy: 'drop' }), undefined],
    ['what comes by another hook', nft({ hook: 'postrouting', policy: 'drop' }), undefined],
  ];
  for (const [what, text, expected] of table) {
    t.is(blamed(parseNftRules(text, { skipIptables: true })), expected, what);
  }
  const tables = nft({ family: 'ip', table: 'filter', policy: 'drop' });
  t.is(blamed(parseNftRules(tables, { skipIptables: false })), 'policy');
  t.is(blamed(parseNftRules(tables, { skipIptables: true })), undefined, 'iptables tells of them itself');
  t.throws(() => parseNftRules('no JSON', { skipIptables: true }), { instanceOf: SyntaxError });
});
