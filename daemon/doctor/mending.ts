/** Running the commands that mend, as far as the operator lets us. */
import type { DoctorReport, ExaminationModules, ExaminationOptions } from './examination.ts';
import { diagnose } from './examination.ts';
import type { Finding } from './finding.ts';

export const FIX_LEVELS = ['safe', 'all'] as const;
export type AllowedFix = (typeof FIX_LEVELS)[number];

/** Each cause uncovers at most the next one behind it. */
const MAX_ROUNDS = 4;

/**
 * Looks, runs the commands of what may be mended, and looks again, until nothing new can be mended. A command that fails, or that
 * does not help, is not run again.
 */
export async function examine(
  modules: ExaminationModules,
  options: ExaminationOptions & { readonly allowed: AllowedFix | undefined },
): Promise<DoctorReport> {
  const { allowed } = options;
  let diagnosis = await diagnose(modules, options);
  const tried = new Map<string, Finding>();
  const failed: DoctorReport['failed'][number][] = [];
  for (let round = 0; allowed !== undefined && round < MAX_ROUNDS; round++) {
    const next = diagnosis.findings.filter(one => mayRun(one, allowed) && !tried.has(one.mend ?? ''));
    if (next.length === 0) break;
    for (const one of next) {
      const command = one.mend ?? '';
      if (tried.has(command)) continue;
      tried.set(command, one);
      const reason = await modules.host.mend(command);
      if (reason !== undefined) failed.push({ command, reason });
    }
    diagnosis = await diagnose(modules, options);
  }
  const left = new Set(diagnosis.findings.map(({ mend }) => mend));
  const mended = [...tried.values()].filter(({ mend }) => !left.has(mend));
  const { configPath: _, state: __, ...found } = diagnosis;
  return { ...found, mended, failed };
}

function mayRun({ mend, fix }: Finding, allowed: AllowedFix): boolean {
  return mend !== null && (fix === 'safe' || (fix === 'all' && allowed === 'all'));
}
