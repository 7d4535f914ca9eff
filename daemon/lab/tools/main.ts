/** What the lab's small programs share. Each runs inside a namespace and talks JSON lines on its standard output. */

/** Prints one JSON line. */
export function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The `index`th command line argument; throws when it is missing. */
export function argument(index: number, name: string): string {
  const value = process.argv[index + 2];
  if (value === undefined) throw new Error(`the argument ${name} is missing`);
  return value;
}

export function numberArgument(index: number, name: string): number {
  const value = Number(argument(index, name));
  if (!Number.isSafeInteger(value)) throw new Error(`the argument ${name} is no integer`);
  return value;
}
