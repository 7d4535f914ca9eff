/** Lamport's clock (Lamport 1978): orders what happens in a pool without a common time. serf has one for each kind. */

/** Times beyond are refused: a forged one must not bring the clock to where it cannot be counted on. */
export const MAX_LAMPORT_TIME = 2 ** 48;

export class LamportClock {
  /** 1 at the start, so that 0 stands for no time. */
  private current = 1;

  /** The time of what happens next. */
  get time(): number {
    return this.current;
  }

  increment(): number {
    this.current += 1;
    return this.current;
  }

  /** Something of this time was heard of: what happens next is later. */
  witness(time: number): void {
    this.current = Math.max(this.current, time + 1);
  }
}
