/** What containers asked, and what became of it. */

/** Why a query was not answered as it should be; docs/cli.md has the same words. */
export const DNS_DROPS = {
  malformed: 'a query of a container that does not parse, or is none',
  unsupported:
    'a query of a container of a kind that is not answered: opcode, class, EDNS version, no recursion wanted',
  paused: 'a container asked too often, and was not listened to for a second',
  busy: 'too many queries of a container, or of all, waited for an answer',
  upstream: 'no resolver of the VM answered in time',
  connections: 'a container had too many TCP connections to its resolver, or was too slow to read',
} as const;

export type DnsDrop = keyof typeof DNS_DROPS;

export class DnsCounters {
  queries = 0;
  /** From what is known of containers, that there is none included. */
  answered = 0;
  /** Answered by a resolver of the VM. */
  forwarded = 0;
  readonly drops: Partial<Record<DnsDrop, number>> = {};

  drop(reason: DnsDrop): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }
}
