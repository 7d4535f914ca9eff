/** Every verdict there is. docs/troubleshooting.md lists them, and a test holds it to this. */
import type { FixLevel, Severity } from './finding.ts';

interface Verdict {
  readonly severity: Severity;
  /** Who may run its command. */
  readonly fix: FixLevel;
}

const verdicts = {
  // This host: the daemon and its files
  'daemon-down': { severity: 'error', fix: 'hand' },
  'capability-missing': { severity: 'error', fix: 'hand' },
  'port-taken': { severity: 'error', fix: 'hand' },
  'state-disk-full': { severity: 'error', fix: 'hand' },
  'key-file-open': { severity: 'error', fix: 'safe' },
  'offload-lost': { severity: 'warning', fix: 'hand' },
  // This host: links and MTUs
  'underlay-gone': { severity: 'error', fix: 'hand' },
  'underlay-down': { severity: 'error', fix: 'all' },
  'underlay-mtu': { severity: 'error', fix: 'all' },
  'link-missing': { severity: 'error', fix: 'hand' },
  'link-down': { severity: 'error', fix: 'safe' },
  'link-mtu': { severity: 'error', fix: 'safe' },
  'link-detached': { severity: 'error', fix: 'safe' },
  'link-mac': { severity: 'error', fix: 'safe' },
  'link-managed': { severity: 'warning', fix: 'safe' },
  'bridge-ipv6': { severity: 'warning', fix: 'safe' },
  'addresses-unconfirmed': { severity: 'error', fix: 'hand' },
  // This host: what the kernel drops
  'vxlan-dropped': { severity: 'error', fix: 'all' },
  'gossip-dropped': { severity: 'error', fix: 'all' },
  'forward-dropped': { severity: 'error', fix: 'safe' },
  'gateway-address': { severity: 'error', fix: 'safe' },
  'gateway-rules': { severity: 'error', fix: 'hand' },
  'gateway-dropped': { severity: 'error', fix: 'all' },
  'forwarding-off': { severity: 'error', fix: 'all' },
  'rp-filter': { severity: 'error', fix: 'all' },
  'conntrack-full': { severity: 'error', fix: 'safe' },
  'conntrack-vxlan': { severity: 'note', fix: 'safe' },
  'receive-overflow': { severity: 'warning', fix: 'hand' },
  'gossip-buffer': { severity: 'note', fix: 'safe' },
  // The path to a peer
  'gossip-silent': { severity: 'error', fix: 'hand' },
  'gossip-udp-blocked': { severity: 'error', fix: 'hand' },
  'gossip-tcp-blocked': { severity: 'error', fix: 'hand' },
  'vxlan-refused': { severity: 'error', fix: 'hand' },
  'vxlan-closed': { severity: 'error', fix: 'hand' },
  'vxlan-blocked': { severity: 'error', fix: 'hand' },
  'vxlan-blocked-out': { severity: 'error', fix: 'hand' },
  'vxlan-blocked-in': { severity: 'error', fix: 'hand' },
  'path-mtu': { severity: 'error', fix: 'hand' },
  'checksum-corrupted': { severity: 'error', fix: 'all' },
  'nat-rewrite': { severity: 'error', fix: 'hand' },
  'vtep-mismatch': { severity: 'error', fix: 'hand' },
  'clock-skew': { severity: 'warning', fix: 'hand' },
} as const satisfies Readonly<Record<string, Verdict>>;

export type VerdictId = keyof typeof verdicts;

export const VERDICTS: Readonly<Record<VerdictId, Verdict>> = verdicts;
