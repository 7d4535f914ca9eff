/** Nearest rank. Throws RangeError when there is nothing to choose from. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new RangeError('Cannot take a percentile: there are no values');
  return value;
}
