/** Settings of a link of ours: what a daemon that starts finds as it should be costs it no process. */
import type { Link } from './ip.ts';

/** As `ip link set` takes them. */
export interface LinkSettings {
  readonly address?: string;
  readonly mtu?: number;
  readonly gso_max_segs?: number;
  /** null: it is a port of nothing. */
  readonly master?: string | null;
  readonly alias?: string;
  readonly up?: true;
}

/** The line for `ip -batch` that gives the link all of it; none if it was found so. */
export function settingsLines(
  dev: string,
  found: Link | undefined,
  settings: LinkSettings,
): readonly string[] {
  if (found !== undefined && hasAll(found, settings)) return [];
  const { master, up, ...values } = settings;
  const words = Object.entries(values).flatMap(([name, value]) => [name, String(value)]);
  if (master !== undefined) words.push(...(master === null ? ['nomaster'] : ['master', master]));
  if (up) words.push('up');
  return [`link set dev ${dev} ${words.join(' ')}`];
}

function hasAll(link: Link, { master, alias, up, ...values }: LinkSettings): boolean {
  const isSo = (Object.keys(values) as (keyof typeof values)[]).every(name => link[name] === values[name]);
  const hasMaster = master === undefined || (link.master ?? null) === master;
  return (
    isSo && hasMaster && (alias === undefined || link.ifalias === alias) && (!up || link.flags.includes('UP'))
  );
}
