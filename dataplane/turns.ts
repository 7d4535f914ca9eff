/** Work that is done one after the other, in the order in which it came. What fails is no business of what comes after it. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Resolves with what the work does, when its turn has come. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => {});
    return result;
  }

  /** Resolves when all is done that has come until now. */
  async done(): Promise<void> {
    await this.last;
  }
}
