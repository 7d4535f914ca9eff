/** Milliseconds as seconds with one decimal, as reports tell ages. */
export function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
