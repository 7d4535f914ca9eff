/** What the doctor says: one finding for each cause, in one sentence, with the command that mends it. */
import { VERDICTS, type VerdictId } from './verdicts.ts';

/** `error`: traffic is lost or soon will be. `warning`: it will be under load or after a change. `note`: good to know, and no problem. */
export type Severity = 'error' | 'warning' | 'note';

/**
 * Who may run the command that mends it. `safe`: `--fix`, for it changes nothing but what is weft's own. `all`: only `--fix=all`, for it
 * changes rules or settings that somebody else has made. `hand`: nobody but the operator.
 */
export type FixLevel = 'safe' | 'all' | 'hand';

export interface Finding {
  readonly verdict: VerdictId;
  readonly severity: Severity;
  /** What it is about: a device, a file, a rule, or a peer. */
  readonly subject: string;
  /** The cause, in one sentence. */
  readonly sentence: string;
  /** A command line for sh(1) that mends it; null: there is no such command. */
  readonly mend: string | null;
  readonly fix: FixLevel;
}

/** A finding; severity and fix level are those of its verdict. */
export function finding(
  verdict: VerdictId,
  subject: string,
  sentence: string,
  mend: string | null = null,
): Finding {
  const { severity, fix } = VERDICTS[verdict];
  // A comment is to be read, for it speaks of other hosts.
  const isCommand = mend !== null && !mend.startsWith('#');
  return { verdict, severity, subject, sentence, mend, fix: isCommand ? fix : 'hand' };
}

/** Whether it counts: a note does not. */
export function isProblem({ severity }: Pick<Finding, 'severity'>): boolean {
  return severity !== 'note';
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

/** The worst first; those of one severity as they came. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
}
