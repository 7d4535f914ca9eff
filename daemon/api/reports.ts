/** The questions that GET /v1/NAME answers, NAME being the method of NodeOperations. */
export const REPORT_NAMES = ['status', 'peers', 'fdb', 'networks', 'endpoints', 'ipam', 'drops'] as const;
export type ReportName = (typeof REPORT_NAMES)[number];
