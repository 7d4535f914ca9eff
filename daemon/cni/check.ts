/** One line for what is wrong with what a runtime hands over. */
import type * as z from 'zod';
import { CNI_ERROR, CniError } from './cni-error.ts';

/** `place` names it by its path, as in `a.0.b`, which is empty for the whole. Throws CniError of the first thing that is wrong. */
export function check<T>(schema: z.ZodType<T>, value: unknown, place: (path: string) => string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = place(issue?.path.join('.') ?? '');
  throw new CniError(CNI_ERROR.invalidConfig, `${where}: ${issue?.message ?? 'not legal'}`);
}
