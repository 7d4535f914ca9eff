/** How many ARP requests (IPv4) and neighbor solicitations (IPv6) were answered in another's name. */
export interface AnswerCounts {
  readonly arp: number;
  readonly nd: number;
}

/** Doubles count exactly up to 2^53 and cost no allocation. */
export class AnswerCounters {
  private readonly counts = new Float64Array(2);

  add(family: 4 | 6): void {
    const i = family === 4 ? 0 : 1;
    this.counts[i] = (this.counts[i] as number) + 1;
  }

  snapshot(): AnswerCounts {
    const [arp = 0, nd = 0] = this.counts;
    return { arp, nd };
  }
}
