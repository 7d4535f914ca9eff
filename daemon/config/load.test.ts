import { spawn } from 'node:child_process';
import { chmod, lstat, mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { exampleConfigPath } from '../package-info.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { configProblems, loadConfig, MAX_CONFIG_BYTES, parseConfig } from './load.ts';
import { requireUnderlayFits } from './semantics.ts';

const problemsOf = (text: string, hostName = 'vm-a') => configProblems(text, 'weft.yaml', hostName);

test('parseConfig fills in every default', t => {
  t.deepEqual(parseConfig('networks: [{name: blue, vni: 42}]', 'weft.yaml', 'VM-A.example'), {
    node: { name: 'vm-a.example', underlay: undefined },
    paths: { state: '/var/lib/weft', run: '/run/weft' },
    vxlan: { port: 4789 },
    gossip: { port: 7946, join: [], key: undefined, keys: [], profile: 'lan' },
    dataplane: {
      workers: 'auto',
      sender: 'auto',
      offload: {
        'udp-segment': 'auto',
        'udp-gro': 'auto',
        'tap-tso': 'auto',
        'tap-uso': 'auto',
        'tunnel-gso': 'auto',
        'io-uring': 'auto',
      },
    },
    networks: [
      {
        name: 'blue',
        vni: 42,
        subnet: undefined,
        subnet6: undefined,
        mode: 'overlay',
        attach: 'bridge',
        gateway: false,
        gatewayAddresses: [],
        parent: undefined,
        macvlanMode: 'bridge',
        ipam: undefined,
        mtu: 'auto',
        staticVteps: [],
        unknownUnicast: 'auto',
        unknownAddress: 'flood',
        bumRate: 1000,
      },
    ],
    dns: { enabled: true, listen: '127.0.47.89', upstream: 'auto', domain: 'weft', ttl: 5 },
    docker: { socket: undefined },
    metrics: { listen: undefined },
    log: { level: 'info', format: 'auto' },
  } as unknown as ReturnType<typeof parseConfig>);
});

test('parseConfig: names with a domain and resolvers of their own', t => {
  const text =
    'dns: {enabled: false, listen: 127.0.0.11, upstream: [192.0.2.53, "[2001:DB8::53]:5353"], domain: Weft.Internal., ttl: 0}';
  t.deepEqual(parseConfig(text, 'weft.yaml', 'vm-a').dns, {
    enabled: false,
    listen: parseIp('127.0.0.11'),
    upstream: [
      { address: '192.0.2.53', port: 53 },
      { address: '2001:db8::53', port: 5353 },
    ],
    domain: 'weft.internal',
    ttl: 0,
  });
});

test('parseConfig takes every key, with addresses in canonical text', t => {
  const text = `
node: { name: vm-b, underlay: "2001:DB8:0::1" }
paths: { state: /srv//state/, run: /srv/run }
vxlan: { port: 4790 }
gossip: { port: 7000, join: [vm-c, "vm-d:7001", 192.0.2.2, "192.0.2.3:7002", "[2001:DB8::3]:7003", 2001:db8::4] }
dataplane: { workers: 4, sender: plain, offload: { udp_gro: off, tap_uso: "off", tap_tso: auto } }
networks:
  - { name: blue, vni: 16777215, subnet: 10.0.0.0/8, attach: tap, mtu: 1400, static_vteps: ["2001:db8::9"] }
  - { name: green, vni: 1, subnet: 10.0.0.0/8, mtu: 576, unknown_unicast: drop, unknown_address: local, bum_rate: 0 }
metrics: { listen: "[2001:DB8::1]:9473" }
log: { level: debug }
`;
  const config = parseConfig(text, 'weft.yaml', 'ignored');
  t.deepEqual(config.node, { name: 'vm-b', underlay: parseIp('2001:db8::1') });
  t.deepEqual(config.paths, { state: '/srv/state', run: '/srv/run' });
  t.deepEqual(config.metrics, { listen: { host: '2001:db8::1', port: 9473 } });
  t.is(config.vxlan.port, 4790);
  t.is(config.gossip.port, 7000);
  t.deepEqual(config.gossip.join, [
    { host: 'vm-c', port: 7000 },
    { host: 'vm-d', port: 7001 },
    { host: '192.0.2.2', port: 7000 },
    { host: '192.0.2.3', port: 7002 },
    { host: '2001:db8::3', port: 7003 },
    { host: '2001:db8::4', port: 7000 },
  ]);
  t.is(config.dataplane.workers, 4);
  t.is(config.dataplane.sender, 'plain');
  t.deepEqual(config.dataplane.offload, {
    'udp-segment': 'auto',
    'udp-gro': 'off',
    'tap-tso': 'auto',
    'tap-uso': 'off',
    'tunnel-gso': 'auto',
    'io-uring': 'auto',
  });
  const [blue, green] = config.networks;
  t.like(blue, { name: 'blue', vni: 16_777_215, subnet: '10.0.0.0/8', attach: 'tap', mtu: 1400 });
  t.deepEqual(blue?.staticVteps, [parseIp('2001:db8::9')]);
  t.like(green, { subnet: '10.0.0.0/8', mtu: 576, attach: 'bridge' });
  t.like(green, { unknownUnicast: 'drop', unknownAddress: 'local', bumRate: 0 });
  t.is(config.log.level, 'debug');
});

test('parseConfig takes JSON, a byte order mark, CRLF, comments and anchors', t => {
  t.is(parseConfig('{"node": {"name": "vm-j"}, "vxlan": {"port": 4790}}', 'weft.json').vxlan.port, 4790);
  t.is(parseConfig('\uFEFFnode:\r\n  name: vm-w # ours\r\n', 'weft.yaml').node.name, 'vm-w');
  const anchored =
    'node: {underlay: 192.0.2.1}\nnetworks:\n- {name: a, vni: 1, static_vteps: &v [192.0.2.9]}\n';
  const config = parseConfig(`${anchored}- {name: b, vni: 2, static_vteps: *v}`, 'weft.yaml', 'h');
  t.deepEqual(config.networks[1]?.staticVteps, [parseIp('192.0.2.9')]);
});

const NETWORK = 'networks:\n  - name: blue\n    vni: 42\n';

/** One file for each kind of mistake, and the one line that tells of it. */
const MISTAKES: readonly (readonly [string, string])[] = [
  // The text as a whole.
  ['', `weft.yaml:1: is empty; begin with the example ${exampleConfigPath}`],
  ['# nothing\n', `weft.yaml:1: is empty; begin with the example ${exampleConfigPath}`],
  ['- a\n', 'weft.yaml:1: expected a map of keys and values, not a list; see docs/configuration.md'],
  ['blue', 'weft.yaml:1: expected a map of keys and values, not "blue"; see docs/configuration.md'],
  ['log:\n\tlevel: info\n', 'weft.yaml:2: a tab is used as indentation, which YAML forbids; use spaces'],
  ['log: {}\n---\nlog: {}\n', 'weft.yaml:2: a second document begins here; keep one, without the --- line'],
  ['log: {}\nlog: {}\n', 'weft.yaml:2: log: duplicate key; remove one of the two'],
  ['{"log": {},\n "log": {}}', 'weft.yaml:2: log: duplicate key; remove one of the two'],
  [`${NETWORK}    vni: 43\n`, 'weft.yaml:4: networks[0].vni: duplicate key; remove one of the two'],
  [
    'networks:\n  - a\n b: 1\n',
    'weft.yaml:3: all mapping items must start at the same column; correct the YAML (is the indentation right?)',
  ],
  ['log: "info\n', 'weft.yaml:2: missing closing "quote; correct the YAML (is the indentation right?)'],
  [
    'gossip:\n  join: [[::1]:7946]',
    'weft.yaml:2: a key is a list or a map; if it is an address such as [::1]:7946, put it in quotes',
  ],
  [
    'node:\n  name: @a',
    'weft.yaml:2: plain value cannot start with reserved character @; put the value in quotes',
  ],
  ['node:\n  name: !x a', 'weft.yaml:2: unresolved tag: !x; remove the tag (the word after "!")'],
  [
    'node:\n  name: *a',
    'weft.yaml:2: *a refers to no anchor above it; put a text that begins with * in quotes',
  ],
  ['['.repeat(2000), 'weft.yaml:1: nested too deeply for a configuration; flatten it'],
  // Keys.
  [`${NETWORK}    vnii: 43\n`, 'weft.yaml:4: networks[0].vnii: unknown key; did you mean "vni"?'],
  [
    `${NETWORK}    staticVteps: []\n`,
    'weft.yaml:4: networks[0].staticVteps: unknown key; did you mean "static_vteps"?',
  ],
  [
    'dns: {enabled: no}',
    'weft.yaml:1: dns.enabled: "no" is neither true nor false; write true or false, without quotes',
  ],
  [
    'dns: {listen: 192.0.2.1}',
    'weft.yaml:1: dns.listen: "192.0.2.1" is not an address of the loopback of a container; choose one of 127.0.0.0/8 that nothing in the containers uses, as in 127.0.47.89',
  ],
  [
    'dns: {listen: 127.0.0.255}',
    'weft.yaml:1: dns.listen: "127.0.0.255" is not an address of the loopback of a container; choose one of 127.0.0.0/8 that nothing in the containers uses, as in 127.0.47.89',
  ],
  [
    'dns: {upstream: dns.example}',
    'weft.yaml:1: dns.upstream: "dns.example" is not who is to be asked; write auto, or a list of 1 to 3 addresses',
  ],
  [
    'dns: {upstream: []}',
    'weft.yaml:1: dns.upstream: a list is not who is to be asked; write auto, or a list of 1 to 3 addresses',
  ],
  [
    'dns: {upstream: [dns.example]}',
    'weft.yaml:1: dns.upstream: "dns.example" is not the address of a resolver; write it as in 192.0.2.53, 192.0.2.53:5353 or "[2001:db8::53]:53"',
  ],
  [
    'dns: {upstream: [53]}',
    'weft.yaml:1: dns.upstream: 53 is not the address of a resolver; write it as in 192.0.2.53, 192.0.2.53:5353 or "[2001:db8::53]:53"',
  ],
  [
    'dns: {domain: a_b}',
    'weft.yaml:1: dns.domain: "a_b" is not a domain; write it as in weft or weft.internal, the same on all nodes',
  ],
  [
    'dns: {ttl: -1}',
    'weft.yaml:1: dns.ttl: -1 is not a number of seconds; write a whole number from 0 to 86400',
  ],
  ['netwroks: []', 'weft.yaml:1: netwroks: unknown key; did you mean "networks"?'],
  [
    'colour: red',
    'weft.yaml:1: colour: unknown key; the keys here are node, paths, vxlan, gossip, dataplane, networks, dns, docker, metrics, log',
  ],
  [
    'dataplane:\n  offload:\n    udp_gso: off',
    'weft.yaml:3: dataplane.offload.udp_gso: unknown key; did you mean "udp_gro"?',
  ],
  [
    'dataplane: {offload: {udp_gro: false}}',
    'weft.yaml:1: dataplane.offload.udp_gro: false is not known here; write auto or off',
  ],
  [
    'gossip:\n  colour: red',
    'weft.yaml:2: gossip.colour: unknown key; the keys here are port, join, key, keys, profile',
  ],
  [
    '__proto__: {}',
    'weft.yaml:1: __proto__: unknown key; the keys here are node, paths, vxlan, gossip, dataplane, networks, dns, docker, metrics, log',
  ],
  ['networks:\n  - vni: 42\n', 'weft.yaml:2: networks[0].name: is missing; add it'],
  [
    'networks:\n  - name: a\n    vni: 1\n  - name: blue\n',
    'weft.yaml:4: networks[1].vni: is missing; add it',
  ],
  [
    'gossip:\n  key: QUJD\n',
    'weft.yaml:2: gossip.key: the key has 3 bytes; make one with: head -c 32 /dev/urandom | base64',
  ],
  [
    'gossip:\n  key: AAAAAAAAAAAAAAAAAAAAAA=\n',
    'weft.yaml:2: gossip.key: the key is not base64; make one with: head -c 32 /dev/urandom | base64',
  ],
  [
    'gossip:\n  key: 7777777777777777\n',
    'weft.yaml:2: gossip.key: is not the text of a key; write it in base64, in quotes',
  ],
  [
    'gossip:\n  keys: [AAAAAAAAAAAAAAAAAAAAAA==]\n',
    'weft.yaml:2: gossip.keys: needs gossip.key, which encrypts what is sent; set it to one of the keys',
  ],
  [
    'metrics:\n  listen: 9473\n',
    'weft.yaml:2: metrics.listen: expected text, not 9473; put it in quotes if it is meant as text',
  ],
  [
    'metrics:\n  listen: localhost:9473\n',
    'weft.yaml:2: metrics.listen: "localhost:9473" is not an address and a port to listen on; write it as in 127.0.0.1:9473, 0.0.0.0:9473 or "[::1]:9473"',
  ],
  [
    'metrics:\n  listen: 127.0.0.1:0\n',
    'weft.yaml:2: metrics.listen: "127.0.0.1:0" has no legal port after its last colon; write a port from 1 to 65535, or leave it out',
  ],
  [
    'dataplane: { workers: 17 }',
    'weft.yaml:1: dataplane.workers: 17 is not a number of workers; write auto or a whole number from 1 to 16',
  ],
  // Kinds of values.
  [
    'node:\n  name: 42\n',
    'weft.yaml:2: node.name: expected text, not 42; put it in quotes if it is meant as text',
  ],
  ['node:\n  name: ""\n', 'weft.yaml:2: node.name: is an empty text; give it a value'],
  ['node:\n  name:\n', 'weft.yaml:2: node.name: has no value; give it one, or remove the key'],
  ['node:\n', 'weft.yaml:1: node: has no value; give it one, or remove the key'],
  [
    'node: vm-a\n',
    'weft.yaml:1: node: expected a map of keys and values, not "vm-a"; see docs/configuration.md',
  ],
  ['networks: blue\n', 'weft.yaml:1: networks: expected a list, not "blue"; see docs/configuration.md'],
  ['networks:\n', 'weft.yaml:1: networks: has no value; give it one, or remove the key'],
  [
    'networks:\n  - blue\n',
    'weft.yaml:2: networks[0]: expected a map of keys and values, not "blue"; see docs/configuration.md',
  ],
  [
    'gossip:\n  join: vm-b\n',
    'weft.yaml:2: gossip.join: expected a list, not "vm-b"; see docs/configuration.md',
  ],
  [
    'gossip:\n  join:\n    - vm-b\n    - 7\n',
    'weft.yaml:4: gossip.join[1]: expected text, not 7; put it in quotes if it is meant as text',
  ],
  // Values.
  [
    'node:\n  name: VM_A\n',
    'weft.yaml:2: node.name: "VM_A" is not a node name; write it like a host name in lower case, at most 63 characters, as in vm-a',
  ],
  [
    'node:\n  underlay: eth0\n',
    'weft.yaml:2: node.underlay: "eth0" is not an IP address; write an IPv4 or IPv6 address with no prefix length',
  ],
  [
    'node:\n  underlay: 192.0.2.1/24\n',
    'weft.yaml:2: node.underlay: "192.0.2.1/24" is not an IP address; write an IPv4 or IPv6 address with no prefix length',
  ],
  [
    'node:\n  underlay: 0.0.0.0\n',
    'weft.yaml:2: node.underlay: "0.0.0.0" is an address of "this network"; give the unicast address of one host',
  ],
  [
    'node:\n  underlay: 239.0.0.1\n',
    'weft.yaml:2: node.underlay: "239.0.0.1" is a multicast address; give the unicast address of one host',
  ],
  [
    'node:\n  underlay: 255.255.255.255\n',
    'weft.yaml:2: node.underlay: "255.255.255.255" is the broadcast address; give the unicast address of one host',
  ],
  [
    'node:\n  underlay: "::"\n',
    'weft.yaml:2: node.underlay: "::" is the unspecified address; give the unicast address of one host',
  ],
  [
    'node:\n  underlay: ff02::1\n',
    'weft.yaml:2: node.underlay: "ff02::1" is a multicast address; give the unicast address of one host',
  ],
  [
    'node:\n  underlay: fe80::1\n',
    'weft.yaml:2: node.underlay: "fe80::1" is a link-local address, which needs an interface; give the unicast address of one host',
  ],
  [
    'paths:\n  run: run/weft\n',
    'weft.yaml:2: paths.run: "run/weft" is not an absolute path; begin it with a slash',
  ],
  [
    `paths:\n  run: /${'x'.repeat(90)}\n`,
    'weft.yaml:2: paths.run: is longer than 90 bytes; choose a shorter path: the path of a Unix socket has 107 bytes at most',
  ],
  [
    `paths:\n  state: /${'x'.repeat(2000)}\n`,
    'weft.yaml:2: paths.state: is longer than 1024 characters; shorten it',
  ],
  [
    'vxlan:\n  port: 0\n',
    'weft.yaml:2: vxlan.port: 0 is not a UDP port; write a whole number from 1 to 65535',
  ],
  [
    'vxlan:\n  port: 65536\n',
    'weft.yaml:2: vxlan.port: 65536 is not a UDP port; write a whole number from 1 to 65535',
  ],
  [
    'vxlan:\n  port: 4789.5\n',
    'weft.yaml:2: vxlan.port: 4789.5 is not a UDP port; write a whole number from 1 to 65535',
  ],
  [
    'vxlan:\n  port: "4789"\n',
    'weft.yaml:2: vxlan.port: "4789" is not a UDP port; write a whole number from 1 to 65535',
  ],
  [
    'vxlan:\n  port: .inf\n',
    'weft.yaml:2: vxlan.port: Infinity is not a UDP port; write a whole number from 1 to 65535',
  ],
  [
    'gossip:\n  port: -1\n',
    'weft.yaml:2: gossip.port: -1 is not a UDP port; write a whole number from 1 to 65535',
  ],
  [
    'gossip:\n  port: 4789\n',
    'weft.yaml:2: gossip.port: 4789 is the port of both VXLAN and gossip, and both use UDP; choose another',
  ],
  [
    'vxlan:\n  port: 7946\n',
    'weft.yaml:2: vxlan.port: 7946 is the port of both VXLAN and gossip, and both use UDP; choose another',
  ],
  [
    'gossip:\n  join:\n    - "vm-b:99999"\n',
    'weft.yaml:3: gossip.join[0]: "vm-b:99999" has no legal port after its last colon; write a port from 1 to 65535, or leave it out',
  ],
  [
    'dataplane: { sender: raw }',
    'weft.yaml:1: dataplane.sender: "raw" is not known here; write auto, udp-gso, tunnel-gso or plain',
  ],
  [
    'dataplane: { sender: tunnel-gso, offload: { tunnel_gso: off } }',
    'weft.yaml:1: dataplane.sender: is tunnel-gso, which dataplane.offload.tunnel_gso switches off; change one of the two',
  ],
  [
    'dataplane:\n  sender: udp-gso\n  offload: { udp_segment: off }',
    'weft.yaml:2: dataplane.sender: is udp-gso, which dataplane.offload.udp_segment switches off; change one of the two',
  ],
  [
    'dataplane:\n  workers: many\n',
    'weft.yaml:2: dataplane.workers: "many" is not a number of workers; write auto or a whole number from 1 to 16',
  ],
  [
    'networks:\n  - name: Blue\n    vni: 1\n',
    'weft.yaml:2: networks[0].name: "Blue" is not a network name; use lower-case letters, digits and inner dashes, as in blue or web-2',
  ],
  [
    'networks:\n  - name: bluebluebluebl\n    vni: 1\n',
    'weft.yaml:2: networks[0].name: "bluebluebluebl" is too long for a network name; use at most 12 characters: the network\'s bridge is called wf-NAME and an interface name has at most 15',
  ],
  [
    'networks:\n  - name: a\n    vni: 0\n',
    'weft.yaml:3: networks[0].vni: VNI 0 is out of range; choose one from 1 to 16777215',
  ],
  [
    'networks:\n  - name: a\n    vni: 16777216\n',
    'weft.yaml:3: networks[0].vni: VNI 16777216 is out of range; choose one from 1 to 16777215',
  ],
  [
    'networks:\n  - name: a\n    vni: "42"\n',
    'weft.yaml:3: networks[0].vni: "42" is not a VNI; write a whole number from 1 to 16777215, without quotes',
  ],
  [
    `${NETWORK}    subnet: 198.18.0.1/24\n`,
    'weft.yaml:4: networks[0].subnet: "198.18.0.1/24" has bits set beyond its prefix; write 198.18.0.0/24',
  ],
  [
    `${NETWORK}    attach: macvlan\n`,
    'weft.yaml:4: networks[0].attach: "macvlan" is not known here; write bridge or tap',
  ],
  [
    `${NETWORK}    mtu: 575\n`,
    'weft.yaml:4: networks[0].mtu: 575 is not an MTU; write auto or a whole number of bytes from 576 to 65485',
  ],
  [
    `${NETWORK}    mtu: 65486\n`,
    'weft.yaml:4: networks[0].mtu: 65486 is not an MTU; write auto or a whole number of bytes from 576 to 65485',
  ],
  [
    `${NETWORK}    mtu: "1450"\n`,
    'weft.yaml:4: networks[0].mtu: "1450" is not an MTU; write auto or a whole number of bytes from 576 to 65485',
  ],
  [
    `${NETWORK}    static_vteps: [224.0.0.1]\n`,
    'weft.yaml:4: networks[0].static_vteps[0]: "224.0.0.1" is a multicast address; give the unicast address of one host',
  ],
  [
    'log:\n  level: verbose\n',
    'weft.yaml:2: log.level: "verbose" is not known here; write trace, debug, info, warn, error or fatal',
  ],
  // Two values that do not go together.
  [
    `${NETWORK}  - name: blue\n    vni: 43\n`,
    'weft.yaml:4: networks[1].name: "blue" is the name of networks[0] already; choose another',
  ],
  [
    `${NETWORK}  - name: green\n    vni: 42\n`,
    'weft.yaml:5: networks[1].vni: 42 is the vni of networks[0] already; choose another',
  ],
  [
    `${NETWORK}    unknown_unicast: on\n`,
    'weft.yaml:4: networks[0].unknown_unicast: "on" is not known here; write auto, drop or flood',
  ],
  [
    `${NETWORK}    unknown_address: drop\n`,
    'weft.yaml:4: networks[0].unknown_address: "drop" is not known here; write flood or local',
  ],
  [
    `${NETWORK}    bum_rate: off\n`,
    'weft.yaml:4: networks[0].bum_rate: "off" is not a number of frames a second; write a whole number from 0 to 1000000',
  ],
  [
    `node: {underlay: 192.0.2.1}\n${NETWORK}    static_vteps:\n      - 192.0.2.9\n      - 192.0.2.1\n`,
    'weft.yaml:7: networks[0].static_vteps[1]: "192.0.2.1" is this node itself; correct or remove it',
  ],
  [
    `node: {underlay: 192.0.2.1}\n${NETWORK}    static_vteps:\n      - 2001:db8::9\n`,
    'weft.yaml:6: networks[0].static_vteps[0]: "2001:db8::9" is IPv6, but node.underlay is IPv4; correct or remove it',
  ],
  [
    `${NETWORK}    static_vteps:\n      - 192.0.2.9\n      - 2001:db8::9\n`,
    'weft.yaml:6: networks[0].static_vteps[1]: "2001:db8::9" is IPv6, but the first of them, 192.0.2.9 is IPv4; correct or remove it',
  ],
  [
    `${NETWORK}    static_vteps:\n      - 2001:db8::9\n      - 2001:DB8:0::9\n`,
    'weft.yaml:6: networks[0].static_vteps[1]: "2001:db8::9" is in the list already; remove one',
  ],
];

for (const socket of [
  'weft.sock',
  '/run/docker/plugins/weft',
  '5',
  '"/run/x y.sock"',
  `/${'x'.repeat(100)}.sock`,
]) {
  test(`docker.socket: ${socket.slice(0, 30)} is refused, with what to write`, t => {
    t.regex(
      problemsOf(`docker: {socket: ${socket}}`)[0] ?? '',
      /^weft\.yaml:1: docker\.socket: .*; (write off, or|choose|set it|write )/,
    );
  });
}

test('docker.socket: off, or a path', t => {
  const socketOf = (value: string) =>
    parseConfig(`docker: {socket: ${value}}`, 'weft.yaml', 'vm-a').docker.socket;
  t.is(socketOf('off'), undefined);
  t.is(socketOf('/run/docker/plugins/weft.sock'), '/run/docker/plugins/weft.sock');
});

test('configProblems: one file for each kind of mistake, one exact line for each', t => {
  for (const [text, line] of MISTAKES) {
    t.deepEqual(problemsOf(text), [line], text.slice(0, 200));
    const error = t.throws(() => parseConfig(text, 'weft.yaml', 'vm-a'), { instanceOf: WeftError });
    t.is(error?.code, 'invalid_config');
    t.is(error?.line, line);
  }
});

test('configProblems refuses a host name that cannot stand for node.name', t => {
  const line =
    'weft.yaml:1: node.name: is missing, and the host name "my_host" cannot stand for it; set a name, as in vm-a';
  t.deepEqual(problemsOf('log: {}', 'my_host'), [line]);
  t.deepEqual(problemsOf('node: {name: vm-a}', 'my_host'), []);
});

test('configProblems names every mistake, in the order of the file; parseConfig the first and how many follow', t => {
  const text = `node: { underlay: nowhere }
vxlan: { port: 7946 }
networks:
  - name: blue
    vni: 42
  - name: blue
    vni: 0
    colour: red
gossip: { key: x }
`;
  t.deepEqual(
    problemsOf(text).map(line => line.split(': ').slice(0, 2).join(': ')),
    [
      'weft.yaml:1: node.underlay',
      'weft.yaml:2: vxlan.port',
      'weft.yaml:6: networks[1].name',
      'weft.yaml:7: networks[1].vni',
      'weft.yaml:8: networks[1].colour',
      'weft.yaml:9: gossip.key',
    ],
  );
  const error = t.throws(() => parseConfig(text, 'weft.yaml', 'vm-a'), { instanceOf: WeftError });
  t.regex(error?.message ?? '', /^weft\.yaml:1: node\.underlay: "nowhere" is not an IP address/);
  t.is(error?.hint, 'and 5 more problems: run weft config check weft.yaml for all');
});

test('configProblems keeps to one line whatever the text holds', t => {
  for (const text of [
    '"a\\nb\\e[2J": 1',
    'node: {name: "a\\nb"}',
    `? "${'k'.repeat(5000)}"\n: 1`,
    'log: !<x\ny> 1',
  ]) {
    const problems = problemsOf(text);
    t.true(problems.length > 0, text);
    for (const line of problems) {
      t.notRegex(line, /\p{Cc}/u);
      t.true(line.length < 2000);
    }
  }
});

test('configProblems stops aliases that multiply', t => {
  const bomb = Array.from(
    { length: 30 },
    (_, i) => `k${i}: &k${i} [${i === 0 ? 'x' : `*k${i - 1}, *k${i - 1}, *k${i - 1}`}]`,
  );
  t.regex(
    problemsOf(bomb.join('\n')).join(),
    /^weft\.yaml:1: aliases expand too far .*; write the values out$/,
  );
});

test('loadConfig reads a file, and the host name stands for node.name', async t => {
  const file = join(await tempDirectory(t), 'weft.yaml');
  await writeFile(file, 'log: {level: warn}');
  const config = await loadConfig(file);
  t.is(config.log.level, 'warn');
  t.is(config.node.name, hostname().toLowerCase());
});

test('loadConfig reads a pipe', async t => {
  const pipe = join(await tempDirectory(t), 'pipe');
  const child = spawn('sh', ['-c', 'mkfifo "$0" && echo made && echo "log: {level: warn}" > "$0"', pipe]);
  await new Promise(resolve => child.stdout.once('data', resolve));
  t.is((await loadConfig(pipe)).log.level, 'warn');
});

test('loadConfig says what to do about a file it cannot read', async t => {
  const directory = await tempDirectory(t);
  const missing = join(directory, 'missing.yaml');
  const refusal = async (path: string) =>
    (await t.throwsAsync(loadConfig(path), { instanceOf: WeftError }))?.line;
  t.is(
    await refusal(missing),
    `${missing}: cannot be read: no such file; copy ${exampleConfigPath} there and edit it, or name another file`,
  );
  t.is(await refusal(directory), `${directory}: cannot be read: it is a directory; name the file in it`);
  const large = join(directory, 'large.yaml');
  await writeFile(large, `#${'x'.repeat(MAX_CONFIG_BYTES)}`);
  t.is(await refusal(large), `${large}: is larger than 1048576 bytes; name a weft configuration file`);
  t.is(await refusal('/dev/zero'), '/dev/zero: is larger than 1048576 bytes; name a weft configuration file');
  const binary = join(directory, 'binary.yaml');
  await writeFile(binary, Buffer.from([0xff, 0xfe, 0x6c, 0x00]));
  t.is(await refusal(binary), `${binary}: is not UTF-8 text; save it as UTF-8`);
  await mkdir(join(directory, 'd'));
  t.regex((await refusal(join(missing, 'x'))) ?? '', /no such file/);
});

test('loadConfig without a path takes the default one, and says what to do when it is not there', async t => {
  await t.throwsAsync(
    lstat('/etc/weft/weft.yaml'),
    { code: 'ENOENT' },
    'this machine has a configuration of weft',
  );
  const error = await t.throwsAsync(loadConfig(undefined), { instanceOf: WeftError });
  t.is(
    error?.line,
    `/etc/weft/weft.yaml: cannot be read: no such file; copy ${exampleConfigPath} there and edit it, or give --config FILE`,
  );
});

test.serial('loadConfig of a file another user may not read', async t => {
  const directory = await tempDirectory(t);
  await chmod(directory, 0o755);
  const file = join(directory, 'weft.yaml');
  await writeFile(file, 'log: {}', { mode: 0o600 });
  process.seteuid?.(65_534);
  const error = await t
    .throwsAsync(loadConfig(file), { instanceOf: WeftError })
    .finally(() => process.seteuid?.(0));
  t.is(
    error?.line,
    `${file}: cannot be read: permission denied; run weft as root, or correct the mode of the file`,
  );
});

test('requireUnderlayFits refuses a static VTEP that is the underlay or of the other family', t => {
  const config = parseConfig(`${NETWORK}    static_vteps: [192.0.2.9, 192.0.2.8]\n`, 'weft.yaml', 'vm-a');
  t.notThrows(() => requireUnderlayFits(config, parseIp('192.0.2.1')));
  const refusal = (text: string) =>
    t.throws(() => requireUnderlayFits(config, parseIp(text)), { instanceOf: WeftError })?.message;
  t.is(refusal('192.0.2.8'), 'networks[0].static_vteps[1]: "192.0.2.8" is this node itself');
  t.is(
    refusal('2001:db8::1'),
    'networks[0].static_vteps[0]: "192.0.2.9" is IPv4, but the underlay address 2001:db8::1 is IPv6',
  );
});
