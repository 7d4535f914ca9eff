/** Numbers for people. */

/** `812 B`, `3.4 GiB`: powers of 1024. */
export function humanBytes(bytes: number): string {
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

/** `812`, `3.4 M`: powers of 1000. */
export function humanCount(count: number): string {
  return scaled(count, 1000, ['', 'k', 'M', 'G', 'T', 'P']).trimEnd();
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let rest = value;
  let step = 0;
  // Up to 999.5 of a unit prints as itself, so that no figure has four digits.
  while (rest >= (step === 0 ? base : base - 0.5) && step < units.length - 1) {
    rest /= base;
    step += 1;
  }
  const figure = step === 0 || rest >= 100 ? rest.toFixed(0) : rest.toFixed(1);
  return `${figure} ${units[step] ?? ''}`;
}

/** Milliseconds as `0.38ms`, `12.5ms`, `180ms`, from a second on as seconds. */
export function humanMilliseconds(ms: number): string {
  if (ms >= 1000) return humanSeconds(ms / 1000);
  const decimals = ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return `${Number(ms.toFixed(decimals))}ms`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Seconds as `0.4s`, `42s`, `3m 5s`, `2h 10m`, `12d 3h`. */
export function humanSeconds(seconds: number): string {
  if (seconds < 10) return `${Number((Math.floor(seconds * 10) / 10).toFixed(1))}s`;
  const whole = Math.floor(seconds);
  if (whole < MINUTE) return `${whole}s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${whole % MINUTE}s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${Math.floor((whole % HOUR) / MINUTE)}m`;
  return `${Math.floor(whole / DAY)}d ${Math.floor((whole % DAY) / HOUR)}h`;
}
