/** What is wrong with the path to one peer, from the facts of it. */
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type Finding, finding } from '../finding.ts';
import { sh } from '../shell.ts';
import type { Complaint, DirectionFact, PathFacts } from './path-facts.ts';

/** The underlay device of this host, for the commands. */
export interface PathHost {
  readonly ifname: string | undefined;
}

type Vxlan = NonNullable<PathFacts['vxlan']>;

export function checkPath(facts: PathFacts, host: PathHost): readonly Finding[] {
  return [...checkGossip(facts), ...checkVxlan(facts, host), ...checkClock(facts)];
}

function checkGossip({ opening: { peer, address, gossip } }: PathFacts): readonly Finding[] {
  const { port, udp, tcp } = gossip;
  if (!udp.answered && !tcp.answered) {
    const refused = tcp.failure === 'ECONNREFUSED';
    const why = refused
      ? `nobody listens on its TCP port ${port}, so its daemon is down, or has another gossip.port`
      : `nothing comes back from its UDP and TCP port ${port} (TCP: ${tcp.failure}), so the host is down, or something between drops both`;
    return [
      finding('gossip-silent', peer, `${peer} (${address}) does not answer: ${why}.`, hintFor(address)),
    ];
  }
  const found: Finding[] = [];
  if (!udp.answered) {
    const how =
      udp.arrived === null
        ? `to ${peer} or back`
        : udp.arrived
          ? `from ${peer} to this host: what goes there arrives`
          : `from this host to ${peer}`;
    found.push(
      finding(
        'gossip-udp-blocked',
        peer,
        `UDP port ${port} is blocked ${how}; TCP passes.`,
        openPort(peer, 'udp', port),
      ),
    );
  }
  if (!tcp.answered) {
    found.push(
      finding(
        'gossip-tcp-blocked',
        peer,
        `TCP port ${port} of ${peer} cannot be reached (${tcp.failure}); UDP passes.`,
        openPort(peer, 'tcp', port),
      ),
    );
  }
  return found;
}

/** What tells more; it cannot be mended from here. */
function hintFor(address: string): string {
  return sh`ping -c 3 ${address}`;
}

function openPort(peer: string, protocol: 'udp' | 'tcp', port: number): string {
  return `# here, on ${peer}, and in what is between (security groups), accept: ${protocol} dport ${port}`;
}

function checkVxlan(facts: PathFacts, host: PathHost): readonly Finding[] {
  const { opening, vxlan } = facts;
  const { session } = opening;
  if (vxlan === undefined || session === null) return [];
  const translated = checkTranslation(facts, vxlan);
  const blocked = checkBlocked(facts, vxlan, host);
  return [...translated, ...(blocked.length > 0 ? blocked : checkSizes(facts, vxlan))];
}

function checkTranslation(
  { opening: { peer, address, session } }: PathFacts,
  { seenFrom, answeredFrom }: Vxlan,
): readonly Finding[] {
  if (session === null) return [];
  const strange = seenFrom.find(([seen]) => seen !== session.from);
  const found: Finding[] = [];
  if (strange !== undefined) {
    found.push(
      finding(
        'nat-rewrite',
        peer,
        `Something between rewrites addresses: what this host sends from ${session.from} reaches ${peer} from ${strange[0]}, where it is dropped as of an unknown VTEP.`,
      ),
    );
  }
  const other = answeredFrom.find(from => from !== address);
  if (other !== undefined) {
    found.push(
      finding(
        'nat-rewrite',
        peer,
        `Something between rewrites addresses: what ${peer} sends from ${address} reaches this host from ${other}, where it is dropped as of an unknown VTEP.`,
      ),
    );
  }
  if (session.vtep.address !== address) {
    found.push(
      finding(
        'vtep-mismatch',
        peer,
        `${peer} takes VXLAN at ${session.vtep.address}, but is known to gossip at ${address}: its frames come from an address that nobody expects.`,
      ),
    );
  }
  return found;
}

function checkBlocked(
  { opening: { peer, session } }: PathFacts,
  vxlan: Vxlan,
  { ifname }: PathHost,
): readonly Finding[] {
  const { small, raw, refused, checksumErrors, complaints } = vxlan;
  const port = session?.to.port ?? 0;
  if (small.answered > 0) return [];
  const hard = refused.filter(errno => errno !== constants.errno.EMSGSIZE);
  const [errno] = hard;
  if (errno !== undefined) {
    return [
      finding(
        'vxlan-refused',
        peer,
        `This host refuses to send to UDP port ${port} of ${peer} (${getSystemErrorName(-errno)}): ${errno === constants.errno.EPERM ? 'a rule of its own packet filter drops it' : 'there is no way there'}.`,
        errno === constants.errno.EPERM ? 'nft list ruleset' : sh`ip route get ${session?.to.address ?? ''}`,
      ),
    ];
  }
  const isCorrupted = (checksumErrors.there ?? 0) > 0 || (checksumErrors.here ?? 0) > 0;
  if (isCorrupted || (raw !== undefined && hasArrived(raw) && !hasArrived(small))) {
    return [checksumFinding(peer, vxlan, ifname)];
  }
  const closed = complaints.find(({ kind }) => kind === 'port-unreachable');
  if (closed !== undefined) {
    return [
      finding(
        'vxlan-closed',
        peer,
        `Nobody listens on UDP port ${port} of ${peer}, as ${closed.from} says: its daemon takes VXLAN on another port or address.`,
      ),
    ];
  }
  return [blockedFinding(peer, port, small, complaints)];
}

function hasArrived({ arrived, answered }: DirectionFact): boolean {
  return answered > 0 || (arrived ?? 0) > 0;
}

function checksumFinding(
  peer: string,
  { checksumErrors, small }: Vxlan,
  ifname: string | undefined,
): Finding {
  const isBack = hasArrived(small) && (checksumErrors.here ?? 0) > 0;
  const [from, to] = isBack ? [peer, 'this host'] : ['this host', peer];
  const count = isBack ? checksumErrors.here : checksumErrors.there;
  const seen = count === null || count === 0 ? '' : ` (${count} datagrams were dropped there for it)`;
  return finding(
    'checksum-corrupted',
    peer,
    `Datagrams from ${from} reach ${to} with wrong checksums${seen}: the network card of ${from}, or its driver, breaks them.`,
    isBack ? `# on ${peer}: ethtool -K eth0 tx off` : sh`ethtool -K ${ifname ?? 'eth0'} tx off`,
  );
}

function blockedFinding(
  peer: string,
  port: number,
  small: DirectionFact,
  complaints: readonly Complaint[],
): Finding {
  const prohibited = complaints.find(({ kind }) => kind === 'prohibited' || kind === 'unreachable');
  const who = prohibited === undefined ? '' : `, as ${prohibited.from} says`;
  if (small.arrived === null) {
    return finding(
      'vxlan-blocked',
      peer,
      `UDP port ${port} is blocked to ${peer} or back${who}, and gossip passes.`,
      openPort(peer, 'udp', port),
    );
  }
  if (small.arrived > 0) {
    return finding(
      'vxlan-blocked-in',
      peer,
      `UDP port ${port} is blocked from ${peer} to this host${who}: what goes there arrives, and no answer comes back.`,
      openPort(peer, 'udp', port),
    );
  }
  return finding(
    'vxlan-blocked-out',
    peer,
    `UDP port ${port} is blocked from this host to ${peer}${who}: nothing arrives there, and gossip passes.`,
    openPort(peer, 'udp', port),
  );
}

function checkSizes({ opening }: PathFacts, { largest, complaints }: Vxlan): readonly Finding[] {
  const { peer, needed_bytes: needed, address } = opening;
  if (largest === undefined) return [];
  const overhead = address.includes(':') ? 70 : 50;
  const { there, back } = largest;
  const passes = Math.min(there, back);
  if (passes >= needed) return [];
  const direction = there < needed ? `from this host to ${peer}` : `from ${peer} to this host`;
  const told = complaints.find(({ kind }) => kind === 'too-big');
  const who =
    told === undefined
      ? 'and no router says so'
      : `and ${told.from} says that it takes ${told.mtu ?? 'less'}`;
  return [
    finding(
      'path-mtu',
      peer,
      `Packets of more than ${passes} bytes are lost ${direction}, ${who}, but the networks need ${needed}.`,
      `# in the configuration of all nodes: mtu: ${passes - overhead}`,
    ),
  ];
}

/** Logs of two hosts that are further apart cannot be read together, and certificates begin to fail. */
const CLOCK_MS = 1000;

function checkClock({ opening: { peer, clock_ms, clock_error_ms } }: PathFacts): readonly Finding[] {
  if (clock_ms === null || Math.abs(clock_ms) <= CLOCK_MS + clock_error_ms) return [];
  const seconds = (Math.abs(clock_ms) / 1000).toFixed(1);
  return [
    finding(
      'clock-skew',
      peer,
      `The clock of ${peer} is ${seconds} s ${clock_ms > 0 ? 'ahead of' : 'behind'} that of this host.`,
      'timedatectl set-ntp true',
    ),
  ];
}
