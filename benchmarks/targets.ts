/**
 * What weft must show (issue 3): data only. Where the issue names no underlay or no attach mode, each is held to the
 * target by itself.
 */
import { atSize, SCALE } from './scale-results.ts';
import { KERNEL_VXLAN, NO_OVERLAY, OPEN_VSWITCH, WEFT_BRIDGE, WEFT_TAP } from './subjects/subject.ts';

export interface Target {
  readonly title: string;
  readonly underlay: string;
  readonly metric: string;
  readonly subject: string;
  /** The subject whose value is 1; without it the value itself is held against the bound. */
  readonly against?: string;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
}

const kernel = { against: KERNEL_VXLAN };

export const TARGETS: readonly Target[] = [
  {
    title: 'TCP, 1 stream',
    underlay: 'wire-like',
    metric: 'tcp-1',
    subject: WEFT_BRIDGE,
    ...kernel,
    bound: { atLeast: 1.1 },
  },
  {
    title: 'TCP, 1 stream',
    underlay: 'veth',
    metric: 'tcp-1',
    subject: WEFT_TAP,
    ...kernel,
    bound: { atLeast: 1.1 },
  },
  {
    title: 'TCP, 1 stream',
    underlay: 'veth',
    metric: 'tcp-1',
    subject: WEFT_BRIDGE,
    ...kernel,
    bound: { atLeast: 0.9 },
  },
  ...bothModes('TCP, 64 streams', 'wire-like', 'tcp-64', KERNEL_VXLAN, { atLeast: 1 }),
  ...bothModes('UDP, 64 bytes, delivered', 'wire-like', 'udp-64', KERNEL_VXLAN, { atLeast: 1.1 }),
  ...bothModes('UDP, 64 bytes, delivered', 'veth', 'udp-64', KERNEL_VXLAN, { atLeast: 1.1 }),
  ...['wire-like', 'veth'].flatMap(underlay => [
    {
      title: 'Round trip, p50',
      underlay,
      metric: 'rr-idle-p50',
      subject: WEFT_TAP,
      ...kernel,
      bound: { atMost: 1.3 },
    },
    {
      title: 'Round trip, p50',
      underlay,
      metric: 'rr-idle-p50',
      subject: WEFT_BRIDGE,
      ...kernel,
      bound: { atMost: 1.6 },
    },
  ]),
  ...bothModes('CPU-seconds per Gbit, whole machine', 'wire-like', 'tcp-1-cpu-box', KERNEL_VXLAN, {
    atMost: 1.3,
  }),
  ...bothModes('Goodput on a card of 1 Gbit/s', '1gbit', 'tcp-1', NO_OVERLAY, { atLeast: 0.96 }),
  ...bothModes('TCP, 1 stream', 'wire-like', 'tcp-1', OPEN_VSWITCH, { atLeast: 6 }),
  ...['tcp', 'udp'].map(curve => ({
    title: `${curve.toUpperCase()} with 50,000 forwarding entries`,
    underlay: SCALE,
    metric: `entries-${curve}`,
    subject: atSize(WEFT_BRIDGE, 50_000),
    against: atSize(WEFT_BRIDGE, 10),
    bound: { atLeast: 0.95 },
  })),
  ...bothModes('Idle daemon, % of a core', 'wire-like', 'idle-cpu', undefined, { atMost: 0.5 }),
  ...bothModes('Idle daemon, resident MB', 'wire-like', 'idle-rss', undefined, { atMost: 120 }),
];

function bothModes(
  title: string,
  underlay: string,
  metric: string,
  against: string | undefined,
  bound: Target['bound'],
): Target[] {
  return [WEFT_BRIDGE, WEFT_TAP].map(subject => ({
    title,
    underlay,
    metric,
    subject,
    ...(against === undefined ? {} : { against }),
    bound,
  }));
}
