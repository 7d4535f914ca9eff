import { WeftError } from '../../dataplane/errors.ts';

/** Waits for work that may find nothing to do. */
export async function ignoreMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'not_found') throw error;
  }
}
