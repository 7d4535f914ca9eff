/** Parts of what is told of an endpoint: its ports and its rates. */
import type { Bandwidth, RateLimit } from '../endpoints/bandwidth.ts';
import type { PortMapping } from '../endpoints/port-mapping.ts';

export interface PublishedPortReport {
  readonly protocol: 'tcp' | 'udp';
  /** Of the node; null: all of its addresses. */
  readonly host_address: string | null;
  readonly host_port: number;
  readonly container_port: number;
}

/** Each way as the container sees it; null: no limit. */
export interface BandwidthReport {
  readonly ingress: RateLimitReport | null;
  readonly egress: RateLimitReport | null;
}

interface RateLimitReport {
  /** Bits in a second. */
  readonly rate_bps: number;
  readonly burst_bits: number;
}

export function portReport({
  protocol,
  hostAddress,
  hostPort,
  containerPort,
}: PortMapping): PublishedPortReport {
  return {
    protocol,
    host_address: hostAddress ?? null,
    host_port: hostPort,
    container_port: containerPort,
  };
}

export function bandwidthReport(bandwidth: Bandwidth | undefined): BandwidthReport | null {
  if (bandwidth === undefined) return null;
  return { ingress: limitReport(bandwidth.ingress), egress: limitReport(bandwidth.egress) };
}

function limitReport(limit: RateLimit | undefined): RateLimitReport | null {
  return limit === undefined ? null : { rate_bps: limit.rate, burst_bits: limit.burst };
}
