/** What of the load went wrong: it is counted and told, and the load goes on. */

export interface Mishap {
  /** Seconds since the load began. */
  readonly second: number;
  readonly what: string;
  readonly reason: string;
}

export class Mishaps {
  readonly all: Mishap[] = [];
  private readonly second: () => number;
  private readonly tell: (line: string) => void;

  constructor(modules: { readonly second: () => number; readonly tell: (line: string) => void }) {
    this.second = modules.second;
    this.tell = modules.tell;
  }

  add(what: string, reason: string): void {
    const mishap = { second: Math.round(this.second()), what, reason };
    this.all.push(mishap);
    this.tell(`${what} failed: ${reason}`);
  }

  /** Undefined: it failed. */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.add(what, message.split('\n', 3).join(' '));
      return undefined;
    }
  }
}
