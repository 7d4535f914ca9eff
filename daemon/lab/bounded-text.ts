/** Keeps the end of a stream of text: what a process said last is what tells why it failed. */
export class BoundedText {
  private readonly limit: number;
  private kept = '';
  private lost = 0;

  /** @param limit how many UTF-16 units are kept at least; twice as many at the most */
  constructor(limit: number) {
    this.limit = limit;
  }

  append(text: string): void {
    this.kept += text;
    // Cutting at twice the limit, down to the limit, makes the cost of a cut linear in what was added.
    if (this.kept.length > 2 * this.limit) {
      const cut = this.kept.length - this.limit;
      this.lost += cut;
      this.kept = this.kept.slice(cut);
    }
  }

  /** The text, with a first line that says so when its beginning is gone. */
  toString(): string {
    return this.lost === 0 ? this.kept : `[${this.lost} characters before this are not kept]\n${this.kept}`;
  }
}
