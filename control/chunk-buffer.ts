/** Bytes of a stream that came in pieces and are taken out in others; each is copied once, however many pieces. */
export class ChunkBuffer {
  private buffer: Uint8Array = new Uint8Array(0);
  private start = 0;
  private end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** What is there, valid until the next call of another method. */
  get view(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  append(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.buffer.length) {
      const length = this.length + chunk.length;
      // Twice as much, so that a long item is not moved again with every piece of it.
      const target = length > this.buffer.length / 2 ? new Uint8Array(2 * length) : this.buffer;
      target.set(this.view, 0);
      this.buffer = target;
      this.end = this.length;
      this.start = 0;
    }
    this.buffer.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Takes `count` bytes off the front. */
  consume(count: number): void {
    this.start += count;
    if (this.start === this.end) {
      this.start = 0;
      this.end = 0;
    }
  }
}
