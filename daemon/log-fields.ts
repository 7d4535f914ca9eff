/**
 * The dictionary of the log: its levels and the only field names there are. A name that is not here does not compile;
 * docs/logging.md shows the same table (log-fields.test.ts holds the two together).
 */

/** From the most to the least talkative; `info` is the default. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_LEVEL_MEANINGS: Readonly<Record<LogLevel, string>> = {
  trace: 'everything; nothing is logged at this level yet',
  debug: 'what was refused or failed and is tried again: a request, a join, an exchange',
  info: 'what changed: a peer joined or left, a container was attached, the daemon is ready',
  warn: 'something is degraded but the rest goes on: a peer is suspect, an endpoint vanished',
  error: 'something asked for was not done; the daemon goes on',
  fatal: 'the daemon ends now',
};

/** What one line may carry besides `level`, `time` and `msg`. */
export interface LogFields {
  readonly component?: 'daemon' | 'api' | 'control' | 'dataplane' | 'dns' | undefined;
  readonly suppressed?: string | undefined;
  readonly node?: string | undefined;
  readonly version?: string | undefined;
  readonly network?: string | undefined;
  readonly vni?: number | undefined;
  readonly vtep?: string | undefined;
  readonly underlay?: string | undefined;
  readonly peer?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly state?: string | undefined;
  readonly incarnation?: number | undefined;
  readonly mac?: string | undefined;
  readonly container?: string | undefined;
  readonly ip?: string | undefined;
  readonly netns?: string | undefined;
  readonly ifname?: string | undefined;
  readonly attach?: 'bridge' | 'tap' | undefined;
  readonly mtu?: number | undefined;
  readonly offload?: string | undefined;
  readonly worker?: number | undefined;
  readonly frames?: number | undefined;
  readonly count?: number | undefined;
  readonly bytes?: number | undefined;
  readonly target?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly retry_ms?: number | undefined;
  readonly attempt?: number | undefined;
  readonly duration_ms?: number | undefined;
  readonly clock_ms?: number | undefined;
  readonly path?: string | undefined;
  readonly socket?: string | undefined;
  readonly command?: string | undefined;
  readonly pid?: number | undefined;
  readonly signal?: string | undefined;
  readonly reason?: string | undefined;
  readonly hint?: string | undefined;
  readonly err_code?: string | undefined;
  readonly errno?: number | undefined;
  readonly err?: unknown;
}

/** What each field means, with its unit. */
export const LOG_FIELDS: Readonly<Record<keyof LogFields, string>> = {
  component: 'part of the daemon that speaks: daemon, api, control, dataplane or dns',
  suppressed: 'event of which lines were left out',
  node: 'name of this node',
  version: 'version of weft',
  network: 'name of the network',
  vni: 'VXLAN network identifier',
  vtep: 'underlay address of another VTEP',
  underlay: 'underlay address of this VTEP',
  peer: 'name of another node',
  address: 'address of a socket or of a gossip peer',
  port: 'UDP or TCP port',
  state: 'state of a peer: alive, suspect, dead or left',
  incarnation: 'incarnation number of a peer',
  mac: 'MAC address of a container',
  container: 'id of a container, as its runtime has it',
  ip: 'IP address of a container',
  netns: 'network namespace as the operator named it',
  ifname: 'name of a network interface',
  attach: 'how a container is attached: bridge or tap',
  mtu: 'MTU in bytes of an IP packet inside the network',
  offload:
    'network offload that was given up; in the line of the start, all with their states: udp_segment on, …',
  worker: 'number of a dataplane worker',
  frames: 'number of Ethernet frames',
  count: 'number of the things that the message names',
  bytes: 'number of bytes',
  target: 'entry of gossip.join, as it was written',
  fingerprint: 'fingerprint of a gossip key; the key itself is never logged',
  retry_ms: 'when the next try comes, milliseconds from now',
  attempt: 'which try this is, from 1',
  duration_ms: 'how long it took, milliseconds',
  clock_ms: 'by how much a clock was set or is ahead, milliseconds; below 0: back',
  path: 'path of a file',
  socket: 'path of the API socket',
  command: 'command that was run',
  pid: 'process identifier',
  signal: 'name of the signal received',
  reason: 'why, in words; for a dropped frame, the reason it is counted under',
  hint: 'what the operator can do',
  err_code:
    'code of the error: that of weft (see dataplane/errors.ts) or that of the system, such as EADDRINUSE',
  errno: 'error number of the system call',
  err: 'the error: type, message, stack',
};
