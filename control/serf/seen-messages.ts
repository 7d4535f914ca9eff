/** Which messages were seen already, by Lamport time: serf's ring of the last 512 times. */

const RING_SIZE = 512;

/** Messages of one time: two nodes that speak at once have the same. More of them are taken for seen. */
const MAX_PER_TIME = 64;

interface Slot {
  readonly time: number;
  readonly ids: Set<string>;
}

export class SeenMessages {
  private readonly slots = new Array<Slot | undefined>(RING_SIZE);

  /**
   * Notes a message and returns whether it is new. `now`: the clock, which has witnessed it. What is older than the ring is
   * not new: it may have been seen and forgotten.
   */
  isNew(time: number, id: string, now: number): boolean {
    if (time + RING_SIZE < now) return false;
    const index = time % RING_SIZE;
    const slot = this.slots[index];
    if (slot === undefined || slot.time < time) {
      this.slots[index] = { time, ids: new Set([id]) };
      return true;
    }
    if (slot.time > time || slot.ids.has(id) || slot.ids.size >= MAX_PER_TIME) return false;
    slot.ids.add(id);
    return true;
  }
}
