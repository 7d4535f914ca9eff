import test from 'ava';
import { parseConfig } from '../config/load.ts';
import { KNOWN_KEYS } from '../config/schema.ts';
import { describeChange, diffConfig, inverse } from './diff-config.ts';
import { NETWORK_SETTINGS, SETTINGS } from './settings.ts';

/** Paths of the keys that have values, below one of the maps of the file. */
function leaves(place: string): readonly string[] {
  return (KNOWN_KEYS[place] ?? []).flatMap(key => {
    const path = place === '' ? key : `${place}.${key}`;
    if (path === 'networks') return [];
    return path in KNOWN_KEYS ? leaves(path) : [path];
  });
}

test('every key of the file is classified, and nothing else', t => {
  t.deepEqual(Object.keys(SETTINGS).toSorted(), leaves('').toSorted());
  const ofNetworks = leaves('networks[]').map(path => path.slice('networks[].'.length));
  t.deepEqual(Object.keys(NETWORK_SETTINGS).toSorted(), ofNetworks.toSorted());
});

const BASE = `
node: { name: vm-a, underlay: 192.0.2.1 }
gossip: { join: [192.0.2.2] }
networks:
  - { name: blue, vni: 42, static_vteps: [192.0.2.9] }
  - { name: green, vni: 43 }
`;

const parse = (text: string) => parseConfig(text, 'weft.yaml', 'vm-a');

interface Row {
  readonly what: string;
  readonly to: string;
  readonly changes?: readonly string[];
  readonly restart?: readonly string[];
}

const replaced = (from: string, to: string) => {
  if (!BASE.includes(from)) throw new Error(`${from} is not in the base`);
  return BASE.replace(from, to);
};

const TABLE: readonly Row[] = [
  { what: 'the same', to: BASE },
  { what: 'a default written out', to: `${BASE}log: { level: info }\nvxlan: { port: 4789 }\n` },
  {
    what: 'networks in another order',
    to: `
node: { name: vm-a, underlay: 192.0.2.1 }
gossip: { join: [192.0.2.2] }
networks: [{ name: green, vni: 43 }, { name: blue, vni: 42, static_vteps: [192.0.2.9] }]
`,
  },
  { what: 'log level', to: `${BASE}log: { level: debug }\n`, changes: ['log.level: info -> debug'] },
  {
    what: 'a listener',
    to: `${BASE}metrics: { listen: "[::]:9473" }\n`,
    changes: ['metrics.listen: none -> [::]:9473'],
  },
  {
    what: 'join',
    to: replaced('[192.0.2.2]', '[192.0.2.3]'),
    changes: ['gossip.join: +192.0.2.3:7946 -192.0.2.2:7946'],
  },
  {
    what: 'a network added',
    to: `${BASE}  - { name: red, vni: 44 }\n`,
    changes: ['networks[red]: added, VNI 44'],
  },
  {
    what: 'a network removed',
    to: replaced('  - { name: green, vni: 43 }\n', ''),
    changes: ['networks[green]: removed'],
  },
  {
    what: 'one in the place of another, with its VNI: the other goes first',
    to: replaced('name: green', 'name: red'),
    changes: ['networks[green]: removed', 'networks[red]: added, VNI 43'],
  },
  {
    what: 'static VTEPs',
    to: replaced('[192.0.2.9]', '[192.0.2.8]'),
    changes: ['networks[blue].static_vteps: +192.0.2.8 -192.0.2.9'],
  },
  {
    what: 'rules of a network',
    to: replaced('vni: 43', 'vni: 43, bum_rate: 0, unknown_unicast: drop, unknown_address: local'),
    changes: [
      'networks[green].unknown_unicast: auto -> drop',
      'networks[green].unknown_address: flood -> local',
      'networks[green].bum_rate: 1000 -> 0',
    ],
  },
  { what: 'the name of the node', to: replaced('vm-a', 'vm-b'), restart: ['node.name'] },
  { what: 'a VNI', to: replaced('vni: 43', 'vni: 44'), restart: ['networks[green].vni'] },
  {
    what: 'several at once',
    to: `${replaced('vni: 43', 'vni: 43, mtu: 1400')}vxlan: { port: 4790 }\ndataplane: { workers: 2, offload: { udp_gro: off } }\ndns: { ttl: 6 }\n`,
    restart: [
      'vxlan.port',
      'dataplane.workers',
      'dataplane.offload.udp_gro',
      'dns.ttl',
      'networks[green].mtu',
    ],
  },
  {
    what: 'a key of gossip',
    to: replaced('join: [192.0.2.2]', 'join: [192.0.2.2], key: "AAECAwQFBgcICQoLDA0ODw=="'),
    restart: ['gossip.key'],
  },
];

for (const { what, to, changes = [], restart = [] } of TABLE) {
  test(`diffConfig(): ${what}`, t => {
    const [before, after] = [parse(BASE), parse(to)];
    const diff = diffConfig(before, after);
    t.deepEqual(diff.restart, restart);
    if (restart.length > 0) return;
    t.deepEqual(diff.changes.flatMap(describeChange), changes);
    const back = diffConfig(after, before).changes.flatMap(describeChange);
    t.deepEqual(diff.changes.map(inverse).flatMap(describeChange).toSorted(), back.toSorted());
  });
}
