import type { ExecutionContext } from 'ava';
import { Lab, type LabOptions } from '../lab/lab.ts';

/**
 * Runs one test in a lab of its own. When it fails, the log of the test shows what every process of the lab said; the
 * lab is removed in any case.
 */
export async function inLab(
  t: ExecutionContext,
  options: string | LabOptions,
  body: (lab: Lab) => Promise<void>,
): Promise<void> {
  const lab = await Lab.create(typeof options === 'string' ? { name: options } : options);
  try {
    await body(lab);
  } catch (error) {
    // Also a failed assertion comes here: they throw since ava 6.
    t.log(lab.report());
    throw error;
  } finally {
    await lab.destroy();
  }
}
