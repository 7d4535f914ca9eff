/** What must not leave this host in a report: found where it is kept, and taken out wherever it appears. */

export const REMOVED = '(removed)';

/** Keys of a configuration or state file whose values are secrets, whatever they are. */
const SECRET_NAME = /key|secret|password|token|credential/i;

/** Shorter ones would take half of the report with them. */
const MIN_SECRET = 8;

/** Every text below a key that names a secret. */
export function secretsIn(value: unknown, isSecret = false): readonly string[] {
  if (typeof value === 'string') return isSecret && value.length >= MIN_SECRET ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(item => secretsIn(item, isSecret));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, item]) => secretsIn(item, isSecret || SECRET_NAME.test(name)));
}

/** The value without them. */
export function withoutSecrets(value: unknown, isSecret = false): unknown {
  if (Array.isArray(value)) return value.map(item => withoutSecrets(item, isSecret));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        withoutSecrets(item, isSecret || SECRET_NAME.test(name)),
      ]),
    );
  }
  return isSecret && value !== null && value !== undefined ? REMOVED : value;
}

/** Takes each secret out of a text, also as hex and without its padding. */
export function scrub(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets.flatMap(formsOf).toSorted((a, b) => b.length - a.length)) {
    clean = clean.replaceAll(secret, REMOVED);
  }
  return clean;
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'base64');
  const isBase64 = bytes.length >= MIN_SECRET && /^[A-Za-z0-9+/_-]+=*$/.test(secret);
  const others = isBase64
    ? [bytes.toString('hex'), bytes.toString('base64url'), secret.replace(/=+$/, '')]
    : [];
  return [secret, ...others];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
