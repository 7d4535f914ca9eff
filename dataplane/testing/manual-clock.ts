import type { Clock, Timer } from '../clock.ts';

interface Pending {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

/** A clock that moves only when told to; timers fire in order of their due time, ties in order of creation. */
export class ManualClock implements Clock {
  /** How many timers have fired: what a thread would have been woken for. */
  wakeUps = 0;
  private time = 0;
  private suspended = 0;
  private wallOffset = 0;
  private created = 0;
  /** A binary min-heap on (due, order): a simulation of 1,000 nodes holds tens of thousands of timers. */
  private readonly heap: Pending[] = [];

  now(): number {
    return this.time;
  }

  bootTime(): number {
    return this.time + this.suspended;
  }

  wallTime(): number {
    return this.bootTime() + this.wallOffset;
  }

  /** Somebody sets the wall clock, by this much. */
  stepWall(ms: number): void {
    this.wallOffset += ms;
  }

  /** The machine is suspended: what is monotonic stands still. */
  suspend(ms: number): void {
    this.suspended += ms;
  }

  after(ms: number, callback: () => void): Timer {
    const entry: Pending = {
      due: this.time + Math.max(0, ms),
      order: this.created++,
      callback,
      isCancelled: false,
    };
    this.push(entry);
    return {
      cancel: () => {
        entry.isCancelled = true;
      },
    };
  }

  /** Moves time forward by `ms` and fires, in order, everything that falls due, also what those callbacks add. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (let next = this.heap[0]; next !== undefined && next.due <= end; next = this.heap[0]) {
      this.pop();
      this.time = next.due;
      if (next.isCancelled) continue;
      this.wakeUps++;
      next.callback();
    }
    this.time = end;
  }

  private push(entry: Pending): void {
    const heap = this.heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  private pop(): void {
    const heap = this.heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        least = right;
        child += 1;
      }
      if (isBefore(last, least)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
