/** This host as the gateway of networks: whether its kernel forwards for them, and what stands in the way. */
import { TABLE } from '../firewall/rules.ts';
import { ruleWords } from './culprit-words.ts';
import { type Finding, finding } from './finding.ts';
import type { HostFacts } from './host-facts.ts';
import { type Culprit, culprits, type Packet } from './packet-filter.ts';
import type { ExpectedLink } from './self-report.ts';
import { sh } from './shell.ts';

const FAMILIES = [
  { family: 4, table: 'ip', protocol: 'IPv4' },
  { family: 6, table: 'ip6', protocol: 'IPv6' },
] as const;

type Family = (typeof FAMILIES)[number];

export function checkGateways(facts: HostFacts): readonly Finding[] {
  const links = facts.daemon?.links.filter(({ addresses }) => addresses.length > 0) ?? [];
  return FAMILIES.flatMap(family => {
    const own = links.filter(({ addresses }) =>
      addresses.some(address => address.includes(':') === (family.family === 6)),
    );
    const [first] = own;
    if (first === undefined) return [];
    const outside = outsideOf(family, facts);
    return [
      ...checkForwarding(family, own, outside, facts),
      ...checkRules(family, first, facts),
      ...checkDropped(family, first, outside, facts),
    ];
  });
}

/** Containers may leave by other devices too; that of the underlay is the one that is known. undefined: it has no address of the family. */
function outsideOf({ family }: Family, { daemon, links }: HostFacts): string | undefined {
  const device = links.find(({ addr_info }) => addr_info.some(({ local }) => local === daemon?.underlay));
  const wanted = family === 4 ? 'inet' : 'inet6';
  const isReachable = device?.addr_info.some(one => one.family === wanted && one.scope === 'global');
  return isReachable === true ? device?.ifname : undefined;
}

/** Packets are forwarded where they come in: those of containers at our device, answers at that of the underlay. */
function checkForwarding(
  { family, protocol }: Family,
  own: readonly ExpectedLink[],
  outside: string | undefined,
  { sysctls }: HostFacts,
): readonly Finding[] {
  const devices = [...own.map(({ ifname }) => ifname), ...(outside === undefined ? [] : [outside])];
  const off = (setting: string, subject: string, what: string) =>
    finding(
      'forwarding-off',
      subject,
      `The kernel forwards no ${protocol} that comes in on ${subject}, so that ${what} (${nameOf(setting)} = 0).`,
      sh`sysctl -w ${nameOf(setting)}=1`,
    );
  const effectOf = (device: string) =>
    device === outside
      ? 'answers from outside do not reach containers'
      : 'containers do not get out of their network';
  if (family === 6 && sysctls['ipv6/conf/all/forwarding'] === '1') return [];
  // IPv6 has a switch for each interface since Linux 6.17 (net.ipv6.conf.IF.force_forwarding); before, there is the one for all.
  const isByInterface =
    family === 4 || devices.some(device => sysctls[`ipv6/conf/${device}/force_forwarding`] !== undefined);
  if (!isByInterface) {
    const setting = 'ipv6/conf/all/forwarding';
    return sysctls[setting] === '0' ? [off(setting, 'any interface', 'containers do not get out')] : [];
  }
  const settingOf = (device: string) =>
    family === 4 ? `ipv4/conf/${device}/forwarding` : `ipv6/conf/${device}/force_forwarding`;
  return devices
    .filter(device => sysctls[settingOf(device)] === '0')
    .map(device => off(settingOf(device), device, effectOf(device)));
}

/** As sysctl(8) has it: a dot in the name of a device is a slash there. */
function nameOf(setting: string): string {
  return `net/${setting}`.replaceAll(/[./]/g, mark => (mark === '.' ? '/' : '.'));
}

function checkRules({ table }: Family, { network }: ExpectedLink, { rules }: HostFacts): readonly Finding[] {
  if (rules.hasNft !== true) return [];
  if (rules.chains.some(chain => chain.family === table && chain.table === TABLE)) return [];
  return [
    finding(
      'gateway-rules',
      `${table} ${TABLE}`,
      `The table ${table} ${TABLE} is not in the packet filter, so that containers, as those of network ${network}, reach nothing outside and published ports lead nowhere: somebody has flushed it.`,
    ),
  ];
}

function checkDropped(
  { family, protocol }: Family,
  { ifname, network }: ExpectedLink,
  outside: string | undefined,
  { rules }: HostFacts,
): readonly Finding[] {
  const packet: Packet = {
    family,
    protocol: 'tcp',
    iif: ifname,
    ...(outside !== undefined && { oif: outside }),
    state: 'new',
  };
  return culprits(rules, ['forward'], packet).map(culprit =>
    finding(
      'gateway-dropped',
      `${culprit.chain.table} ${culprit.chain.name}`,
      `${ruleWords(culprit)} drops ${protocol} from containers, as those of network ${network}, to what is outside.`,
      mendForward(culprit),
    ),
  );
}

/** Out of our networks, and answers into them. All of our devices have names of one shape: what meets one meets all. */
function mendForward({ chain: { tool, family, table, name } }: Culprit): string {
  const isNft = tool === 'nft';
  const insert = isNft ? sh`nft insert rule ${family} ${table} ${name}` : sh`${tool} -t ${table} -I ${name}`;
  const ways = (device: string) =>
    isNft
      ? [`iifname '${device}*'`, `oifname '${device}*' ct state established,related`]
      : [`-i ${device}+`, `-o ${device}+ -m conntrack --ctstate ESTABLISHED,RELATED`];
  const accept = isNft ? 'accept comment weft' : '-m comment --comment weft -j ACCEPT';
  return ['wf-', 'wt-']
    .flatMap(ways)
    .map(match => `${insert} ${match} ${accept}`)
    .join(' && ');
}
