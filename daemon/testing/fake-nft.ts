/** A packet filter that only remembers: tables and chains by what was applied, without their rules but for those of chains of others. */
import type { Nft, NftItem } from '../net/nft.ts';

export class FakeNft implements Nft {
  /** Every transaction. */
  readonly applied: string[] = [];
  /** Fails the next calls. */
  failure: Error | undefined;
  /** Chains of others, and the comments of their rules by handle. */
  readonly foreign: {
    family: string;
    table: string;
    name: string;
    policy?: string;
    rules: Map<number, string>;
  }[] = [];
  private readonly tables = new Set<string>();
  private handles = 100;

  async apply(script: string): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.applied.push(script);
    for (const line of script.split('\n')) this.carryOut(line);
  }

  async list([kind = '', family, table, name]: readonly string[]): Promise<readonly NftItem[]> {
    if (this.failure !== undefined) throw this.failure;
    if (kind === 'chain') {
      const chain = this.foreign.find(
        one => one.family === family && one.table === table && one.name === name,
      );
      return [...(chain?.rules ?? [])].map(([handle, comment]) => ({ rule: { handle, comment } }));
    }
    if (kind === 'table') {
      const own = [...this.tables].filter(one => one === family);
      return own.map(one => ({ chain: { family: one, table: 'weft', name: 'forward' } }));
    }
    return [
      ...[...this.tables].map(own => ({
        chain: { family: own, table: 'weft', name: 'forward', policy: 'accept' },
      })),
      ...this.foreign.map(({ rules: _, ...chain }) => ({ chain })),
    ];
  }

  /** `nft flush ruleset`. */
  flush(): void {
    this.tables.clear();
    this.foreign.length = 0;
  }

  private carryOut(line: string): void {
    const [, made] = /^table (\w+) weft \{/.exec(line) ?? [];
    if (made !== undefined) this.tables.add(made);
    const [, deleted] = /^delete table (\w+) weft/.exec(line) ?? [];
    if (deleted !== undefined) this.tables.delete(deleted);
    const [, verb, family, table, name] = /^(insert|delete) rule (\w+) (\S+) (\S+)/.exec(line) ?? [];
    const chain = this.foreign.find(one => one.family === family && one.table === table && one.name === name);
    if (verb === 'insert') chain?.rules.set(this.handles++, 'weft');
    if (verb === 'delete') chain?.rules.delete(Number(/handle (\d+)/.exec(line)?.[1]));
  }
}
