/** What the doctor asks of a running node. */
import type { PathOperations } from './path/path-facts.ts';
import type { SelfReport } from './self-report.ts';

export interface DoctorOperations extends PathOperations {
  /** What this node is and has made, as it should be. */
  self(): Promise<SelfReport>;
}
