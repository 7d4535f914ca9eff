/**
 * How far we trust ourselves (Lifeguard section IV-A, local health multiplier): 0 is healthy. Who does not hear nacks, has
 * to refute, or runs late is more likely slow itself than surrounded by the dead, so it takes longer to judge: probes come
 * less often and wait longer by the factor score + 1.
 */

/** The score that is not exceeded, so that one who judges slowly still does (memberlist AwarenessMaxMultiplier - 1). */
const MAX_SCORE = 7;

export class Health {
  private current = 0;

  /** 0 to 7. */
  get score(): number {
    return this.current;
  }

  /** What durations of probes are multiplied by. */
  get factor(): number {
    return this.current + 1;
  }

  change(delta: number): void {
    this.current = Math.min(MAX_SCORE, Math.max(0, this.current + delta));
  }
}
