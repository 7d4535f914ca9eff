/** One configuration that is right, and every kind of mistake made in it. */

export interface ConfigMistake {
  readonly title: string;
  /** Turns the right text into a wrong one. */
  readonly mistake: (valid: string) => string;
  /** What the one line of complaint must name. */
  readonly patterns: readonly RegExp[];
  /** Only the machine can tell that it is wrong: `weft config check` cannot. */
  readonly needsMachine?: boolean;
}

/** @param directory for state and socket */
export function validConfig(directory: string): string {
  return `node:
  name: a
  underlay: 192.0.2.1
paths:
  state: ${directory}/state
  run: ${directory}/run
vxlan: { port: 4789 }
gossip: { port: 7946, join: [] }
networks:
  - name: blue
    vni: 42
    subnet: 198.18.0.0/24
    attach: bridge
log: { level: info }
`;
}

/** Replaces a text that must be there: a mistake that was never made would be a test that cannot fail. */
function replace(from: string, to: string): (valid: string) => string {
  return valid => {
    if (!valid.includes(from)) throw new Error(`the valid configuration has no "${from}"`);
    return valid.replace(from, to);
  };
}

function add(lines: string): (valid: string) => string {
  return valid => `${valid}${lines}\n`;
}

const VNI = '    vni: 42\n';
const SECOND = (name: string, vni: number) => replace('log:', `  - { name: ${name}, vni: ${vni} }\nlog:`);

export const CONFIG_MISTAKES: readonly ConfigMistake[] = [
  { title: 'no YAML', mistake: replace('node:', 'node: ['), patterns: [/weft\.yaml:\d+: /] },
  { title: 'no mapping', mistake: () => '- just\n- a list\n', patterns: [/weft\.yaml/] },
  { title: 'an unknown key', mistake: add('vxlans: {}'), patterns: [/vxlans/, /\b15\b/] },
  {
    title: 'an unknown key inside a section',
    mistake: replace('  name: a', '  nam: a'),
    patterns: [/nam\b/, /\b2\b/],
  },
  {
    title: 'an unknown key inside a network',
    mistake: replace(VNI, `${VNI}    colour: red\n`),
    patterns: [/colour/, /\b12\b/],
  },
  { title: 'a key given twice', mistake: replace('  name: a', '  name: a\n  name: b'), patterns: [/name/] },
  { title: 'a VNI of 0', mistake: replace('vni: 42', 'vni: 0'), patterns: [/vni/i] },
  { title: 'a VNI beyond 24 bits', mistake: replace('vni: 42', 'vni: 16777216'), patterns: [/vni/i] },
  { title: 'a VNI that is no number', mistake: replace('vni: 42', 'vni: blue'), patterns: [/vni/i] },
  { title: 'a network without a VNI', mistake: replace(VNI, ''), patterns: [/vni/i] },
  { title: 'a VNI taken twice', mistake: SECOND('red', 42), patterns: [/42/] },
  { title: 'a network name taken twice', mistake: SECOND('blue', 43), patterns: [/blue/] },
  { title: 'a network name no interface can have', mistake: SECOND('"re/d"', 43), patterns: [/re\/d/] },
  {
    title: 'a subnet that is none',
    mistake: replace('198.18.0.0/24', '198.18.0.0/99'),
    patterns: [/subnet/],
  },
  {
    title: 'an attach mode that is none',
    mistake: replace('attach: bridge', 'attach: macvlan'),
    patterns: [/attach/],
  },
  { title: 'an MTU too small for IPv4', mistake: replace(VNI, `${VNI}    mtu: 67\n`), patterns: [/mtu/i] },
  { title: 'an MTU that is no number', mistake: replace(VNI, `${VNI}    mtu: large\n`), patterns: [/mtu/i] },
  {
    title: 'an MTU that the underlay cannot carry',
    mistake: replace(VNI, `${VNI}    mtu: 1451\n`),
    patterns: [/mtu/i, /1451/],
    needsMachine: true,
  },
  {
    title: 'a static VTEP that is no address',
    mistake: replace(VNI, `${VNI}    static_vteps: [nowhere]\n`),
    patterns: [/nowhere|static_vteps/],
  },
  { title: 'an underlay that is no address', mistake: replace('192.0.2.1', 'vm-a'), patterns: [/underlay/] },
  {
    title: "an underlay address of somebody else's",
    mistake: replace('192.0.2.1', '192.0.2.77'),
    patterns: [/192\.0\.2\.77/],
    needsMachine: true,
  },
  { title: 'a port beyond 65535', mistake: replace('4789', '70000'), patterns: [/port/] },
  { title: 'a port that is no number', mistake: replace('7946', 'gossip'), patterns: [/port/] },
  {
    title: 'one port for two purposes',
    mistake: replace('7946', '4789'),
    patterns: [/4789/],
    needsMachine: true,
  },
  { title: 'a join entry that is empty', mistake: replace('join: []', 'join: [""]'), patterns: [/join/] },
  {
    title: 'a gossip key of a wrong length',
    mistake: replace('join: []', 'join: [], key: QUJD'),
    patterns: [/key/],
  },
  {
    title: 'a gossip key that is no base64',
    mistake: replace('join: []', 'join: [], key: "?"'),
    patterns: [/key/],
  },
  { title: 'a log level that is none', mistake: replace('level: info', 'level: loud'), patterns: [/level/] },
  { title: 'an empty node name', mistake: replace('name: a', 'name: ""'), patterns: [/name/] },
  {
    title: 'a state directory that cannot be made',
    mistake: valid => valid.replace(/state: .*/, 'state: /dev/null/weft'),
    patterns: [/\/dev\/null\/weft/],
    needsMachine: true,
  },
];
