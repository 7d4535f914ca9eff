/** What is special about who has an address, in one cell of a table. */
export function flagsOf({ frozen, sticky }: { readonly frozen: boolean; readonly sticky: boolean }): string {
  return [...(sticky ? ['sticky'] : []), ...(frozen ? ['frozen'] : [])].join(',');
}
