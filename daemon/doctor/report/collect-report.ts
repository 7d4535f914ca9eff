/** What whoever looks into a fault from afar needs to know of a node: texts by file name, without secrets. */
import { parse } from 'yaml';
import { WeftError } from '../../../dataplane/errors.ts';
import { REPORT_NAMES } from '../../api/reports.ts';
import type { NodeOperations } from '../../operations.ts';
import { version } from '../../package-info.ts';
import type { Diagnosis } from '../examination.ts';
import type { HostPort } from '../host-port.ts';
import { scrub, secretsIn, withoutSecrets } from './secrets.ts';

export interface ReportModules {
  readonly host: HostPort;
  readonly operations: NodeOperations;
  /** When it is taken, by the clock of this host. */
  readonly time: string;
}

export interface ReportOptions {
  readonly configPath: string;
  /** undefined: not known. */
  readonly state: string | undefined;
  readonly diagnosis: Diagnosis;
}

/** Name of a file in the archive → its text. */
export type ReportFiles = ReadonlyMap<string, string>;

/** `ip xfrm state` and its like are not among them: they print keys. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  uname: ['uname', '-a'],
  'ip-link': ['ip', '-details', '-statistics', 'link', 'show'],
  'ip-address': ['ip', 'address', 'show'],
  'ip-route': ['ip', 'route', 'show', 'table', 'all'],
  'ip-rule': ['ip', 'rule', 'show'],
  'ip-neigh': ['ip', 'neigh', 'show'],
  'ip-xfrm-policy': ['ip', 'xfrm', 'policy', 'show'],
  'bridge-fdb': ['bridge', 'fdb', 'show'],
  'bridge-link': ['bridge', '-details', 'link', 'show'],
  'tc-qdisc': ['tc', '-statistics', 'qdisc', 'show'],
  'nft-ruleset': ['nft', '-a', 'list', 'ruleset'],
  iptables: ['iptables-nft-save', '-c'],
  ip6tables: ['ip6tables-nft-save', '-c'],
  'ss-udp': ['ss', '-unlpmO'],
  'ss-tcp': ['ss', '-tnlpO'],
  'sysctl-net': ['sysctl', '-a', '-r', '^net\\.(core|ipv4\\.conf|ipv6\\.conf|bridge|netfilter)'],
  // What the unit is called by docs/operations.md; a daemon that is run otherwise keeps its log elsewhere.
  log: ['journalctl', '--unit=weft', '--lines=5000', '--no-pager', '--output=cat'],
};

const FILES: Readonly<Record<string, string>> = {
  'os-release': '/etc/os-release',
  snmp: '/proc/net/snmp',
  netstat: '/proc/net/netstat',
  softnet: '/proc/net/softnet_stat',
  meminfo: '/proc/meminfo',
  loadavg: '/proc/loadavg',
};

export async function collectReport(modules: ReportModules, options: ReportOptions): Promise<ReportFiles> {
  const { host, operations } = modules;
  const { configPath, state, diagnosis } = options;
  const config = await readStructured(host, configPath, parse);
  const keys =
    state === undefined ? undefined : await readStructured(host, `${state}/gossip-keys.json`, JSON.parse);
  const secrets = [...secretsIn(config.value), ...secretsIn(keys?.value, true)];
  const files = new Map<string, string>();
  const missing: string[] = [];
  const add = (name: string, text: string | undefined, why: string) => {
    if (text === undefined) missing.push(`${name}: ${why}`);
    else files.set(name, scrub(text, secrets));
  };
  const about = {
    weft: version,
    node: diagnosis.node,
    taken: modules.time,
    runtime: process.version,
    config: configPath,
  };
  add('report.json', json(about), '');
  add('doctor.json', json(diagnosis), '');
  add('config.json', config.value === undefined ? undefined : json(withoutSecrets(config.value)), config.why);
  for (const name of [...REPORT_NAMES, 'self'] as const) {
    const { text, why } = await answerOf(() => operations[name]());
    add(`api/${name}.json`, text, why);
  }
  for (const [name, command] of Object.entries(COMMANDS)) {
    add(`host/${name}.txt`, await host.run(command), `${command.join(' ')} tells nothing`);
  }
  for (const [name, path] of Object.entries(FILES)) {
    add(`host/${name}.txt`, await host.read(path), `${path} cannot be read`);
  }
  for (const { ifname } of await linksOf(host)) {
    add(
      `host/ethtool-${ifname.replaceAll('/', '_')}.txt`,
      await ethtool(host, ifname),
      'ethtool tells nothing',
    );
  }
  files.set('missing.txt', scrub(missing.map(line => `${line}\n`).join(''), secrets));
  return files;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

async function readStructured(
  host: HostPort,
  path: string,
  parser: (text: string) => unknown,
): Promise<{ readonly value: unknown; readonly why: string }> {
  const text = await host.read(path);
  if (text === undefined) return { value: undefined, why: `${path} cannot be read` };
  try {
    return { value: parser(text), why: '' };
  } catch {
    // As text it could hold a key that nobody would find.
    return {
      value: undefined,
      why: `${path} cannot be understood, and is left out for what secrets it may hold`,
    };
  }
}

async function answerOf(ask: () => Promise<unknown>): Promise<{ text: string | undefined; why: string }> {
  try {
    return { text: json(await ask()), why: '' };
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    return { text: undefined, why: error.line };
  }
}

async function linksOf(host: HostPort): Promise<readonly { readonly ifname: string }[]> {
  // Of the machine itself: containers' links are many and all alike.
  const text = await host.run(['ip', '-json', 'link', 'show']);
  try {
    const links = JSON.parse(text ?? '[]') as readonly { readonly ifname: string }[];
    return links.filter(({ ifname }) => !/^(lo$|wv|wx)/.test(ifname)).slice(0, 32);
  } catch {
    return [];
  }
}

async function ethtool(host: HostPort, ifname: string): Promise<string | undefined> {
  const parts = await Promise.all(['-i', '-k', '-S'].map(option => host.run(['ethtool', option, ifname])));
  return parts.every(part => part === undefined) ? undefined : parts.map(part => part ?? '').join('\n');
}
