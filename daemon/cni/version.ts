/** Versions of the CNI specification, and what differs between them for a plugin. */
export const CNI_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof CNI_VERSIONS)[number];

/** What is spoken where a configuration has none or another one. */
export const FALLBACK_VERSION: CniVersion = '1.0.0';

/** Addresses tell their family: until 1.0.0, which has dropped that. */
export function hasFamilies(version: CniVersion): boolean {
  return version.startsWith('0.');
}

/** Interfaces tell their MTU, and routes more than destination and gateway. */
export function hasPathDetails(version: CniVersion): boolean {
  return version === '1.1.0';
}

/** CHECK came with 0.4.0, GC and STATUS with 1.1.0. */
export function knowsCommand(version: CniVersion, command: 'CHECK' | 'GC' | 'STATUS'): boolean {
  return command === 'CHECK' ? !version.startsWith('0.3') : version === '1.1.0';
}
