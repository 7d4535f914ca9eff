/** What is special about who has an address, in one cell of a table. */
export function flagsOf(flags: {
  readonly frozen: boolean;
  readonly sticky: boolean;
  readonly suspended?: boolean;
}): string {
  const { frozen, sticky, suspended = false } = flags;
  return [sticky && 'sticky', frozen && 'frozen', suspended && 'suspended'].filter(Boolean).join(',');
}
