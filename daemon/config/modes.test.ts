/** What the keys of a network may be together, by the words of `weft config check`. */
import test from 'ava';
import { configProblems } from './load.ts';

function problemsOf(...networks: readonly string[]): readonly string[] {
  const lines = networks.map((keys, index) => `  - { name: n${index}, vni: ${index + 1}, ${keys} }`);
  return configProblems(`networks:\n${lines.join('\n')}\n`, 'weft.yaml', 'vm-a');
}

for (const [networks, problem] of [
  [['gateway: yes'], /networks\[0\]\.gateway: "yes" is neither yes nor no; write true or false/],
  [['gateway: true'], /networks\[0\]\.gateway: needs a subnet to be in/],
  [['mode: bridge'], /networks\[0\]\.subnet: is missing; mode bridge needs one/],
  [
    ['mode: router'],
    /networks\[0\]\.mode: "router" is not known here; write overlay, bridge, macvlan or host$/,
  ],
  [['mode: macvlan'], /networks\[0\]\.parent: is missing/],
  [['mode: host, static_vteps: [192.0.2.9]'], /networks\[0\]\.static_vteps: are for mode overlay alone/],
  [
    ['subnet: 198.18.0.0/24, gateway: true, gateway_addresses: [198.18.1.1]'],
    /networks\[0\]\.gateway_addresses: 198\.18\.1\.1 is not in the subnet/,
  ],
  [
    ['subnet: 198.18.0.0/16, gateway: true', 'subnet: 198.18.7.0/24, mode: bridge'],
    /networks\[1\]\.subnet: holds addresses of networks\[0\], and this node is the gateway of both/,
  ],
] as const) {
  test(`refused: ${networks.join(' and ')}`, t => {
    const problems = problemsOf(...networks);
    t.is(problems.length, 1, problems.join('\n'));
    t.regex(problems[0] ?? '', problem);
  });
}

test('networks that no gateway joins may have the same subnet', t => {
  t.deepEqual(problemsOf('subnet: 198.18.0.0/24, gateway: true', 'subnet: 198.18.0.0/24'), []);
});
