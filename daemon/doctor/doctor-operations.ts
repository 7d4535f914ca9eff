/** What the doctor asks of a running node. */
import type { SelfReport } from './self-report.ts';

export interface DoctorOperations {
  /** What this node is and has made, as it should be. */
  self(): Promise<SelfReport>;
}
