/** Command lines that people paste and `--fix` runs. */

/** What no shell reads as more than a word (POSIX 2.2); `*` is left out, for it is a pattern. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word of sh(1): quoted if it has to be, for names of rules, files and devices are not ours. */
export function word(text: string | number): string {
  const whole = String(text);
  return PLAIN.test(whole) ? whole : `'${whole.replaceAll("'", `'\\''`)}'`;
}

/** A template whose values are words: sh`ip link set dev ${name} up`. */
export function sh(texts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return texts
    .map((text, i) => text + (i < values.length ? word(values[i] as string | number) : ''))
    .join('');
}
