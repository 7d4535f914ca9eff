/** The daemon, its ports, its rights and its files. */
import { formatHostPort } from '../config/host-port.ts';
import { type Finding, finding } from './finding.ts';
import type { HostFacts, SocketFact } from './host-facts.ts';
import { sh } from './shell.ts';

export function checkDaemon(facts: HostFacts): readonly Finding[] {
  return [
    ...checkSilence(facts),
    ...checkCapabilities(facts),
    ...checkFiles(facts),
    ...checkDisk(facts),
    ...facts.lostOffloads.map(offload =>
      finding(
        'offload-lost',
        offload,
        `The kernel refused the offload ${offload} while it was in use: nothing is lost, but frames cost more until the daemon starts anew.`,
      ),
    ),
  ];
}

function checkSilence(facts: HostFacts): readonly Finding[] {
  if (facts.daemon !== undefined) return [];
  const { links, ports, sockets } = facts;
  const down = finding(
    'daemon-down',
    'weft',
    `The daemon does not answer: ${facts.silence ?? 'no reason known'}.`,
    'weft daemon',
  );
  // The kernel's VXLAN has its port on all addresses, and shows up as nobody's socket.
  const devices = links.filter(({ linkinfo }) => {
    const { port = undefined } = linkinfo?.info_data ?? {};
    return linkinfo?.info_kind === 'vxlan' && port === ports.vxlan;
  });
  const taken = devices.map(({ ifname }) =>
    finding(
      'port-taken',
      ifname,
      `UDP port ${ports.vxlan} is taken by ${ifname}, a VXLAN device of the kernel${/^flannel/.test(ifname) ? " (flannel's)" : ''}, so that weft cannot start.`,
      sh`ip link del dev ${ifname}`,
    ),
  );
  const isOurs = ({ protocol, port }: SocketFact) =>
    port === ports.gossip || (protocol === 'udp' && port === ports.vxlan && devices.length === 0);
  const processes = sockets.filter(isOurs).map(({ protocol, address, port, process }) => {
    const holder =
      process === null ? 'the kernel or another namespace' : `${process.name} (process ${process.pid})`;
    return finding(
      'port-taken',
      `${protocol} ${formatHostPort({ host: address, port })}`,
      `${protocol.toUpperCase()} port ${port} of ${address} is taken by ${holder}, so that weft cannot start.`,
      process === null ? null : sh`kill ${process.pid}`,
    );
  });
  return [down, ...taken, ...processes];
}

/** Bits of linux/capability.h, and what the daemon does with each. */
const NEEDED = [
  { name: 'CAP_NET_ADMIN', bit: 12n, use: 'make and change links' },
  { name: 'CAP_SYS_ADMIN', bit: 21n, use: 'enter the namespaces of containers' },
] as const;

function checkCapabilities({ capabilities }: HostFacts): readonly Finding[] {
  if (capabilities === undefined) return [];
  return NEEDED.filter(({ bit }) => ((capabilities >> bit) & 1n) === 0n).map(({ name, use }) =>
    finding('capability-missing', name, `The daemon runs without ${name}, which it needs to ${use}.`),
  );
}

/** Readable or writable for anybody but the owner. */
const OTHERS = 0o077;

function checkFiles({ files }: HostFacts): readonly Finding[] {
  return files
    .filter(({ mode, hasKey }) => hasKey && (mode & OTHERS) !== 0)
    .map(({ path, mode }) =>
      finding(
        'key-file-open',
        path,
        `${path} holds a key of gossip and may be read by others than root (mode ${mode.toString(8)}).`,
        sh`chmod go= ${path}`,
      ),
    );
}

/** What the state of a large pool takes, written aside before it takes the place of the old. */
const ENOUGH_BYTES = 16 * 1024 * 1024;

function checkDisk({ disk }: HostFacts): readonly Finding[] {
  if (disk === undefined || disk.free >= ENOUGH_BYTES) return [];
  const mebibytes = (disk.free / 1024 / 1024).toFixed(1);
  return [
    finding(
      'state-disk-full',
      disk.path,
      `The file system of the state directory ${disk.path} has ${mebibytes} MiB left, so that what weft has to remember may not be written.`,
      sh`df -h ${disk.path}`,
    ),
  ];
}
