/** What the control plane needs of a logger, and the fields it gives; daemon/log-fields.ts explains each of them. */
export interface GossipLogFields {
  readonly component?: 'control';
  readonly peer?: string | undefined;
  readonly address?: string | undefined;
  readonly target?: string | undefined;
  readonly incarnation?: number | undefined;
  readonly reason?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly retry_ms?: number | undefined;
  readonly err?: unknown;
}

export interface Log {
  debug(fields: GossipLogFields, message: string): void;
  info(fields: GossipLogFields, message: string): void;
  warn(fields: GossipLogFields, message: string): void;
  error(fields: GossipLogFields, message: string): void;
}
