/** How a restart of the service went, by its journal: of what the pause for its containers consists. */

/** A line of `journalctl -o json`; only what is read. */
interface Entry {
  readonly __REALTIME_TIMESTAMP: string;
  /** When it was written, if whoever wrote it is known to have done so earlier than it was noted. */
  readonly _SOURCE_REALTIME_TIMESTAMP?: string;
  readonly MESSAGE: string;
  readonly WEFT_EVENT?: string;
  readonly WEFT_DURATION_MS?: string;
}

/** Of the daemon, by their events. */
const EVENTS = ['stopping', 'stopped', 'starting', 'offloads', 'endpoint_taken_over', 'carrying', 'ready'];

/** Of systemd, which has no names for them. */
const MESSAGES: readonly (readonly [RegExp, string])[] = [
  [/^Stopping /, 'systemctl'],
  [/code=killed/, 'killed'],
  [/: Deactivated successfully/, 'exited'],
  [/^Starting /, 'exec'],
];

/** As "0 stopping, 40 stopped, …", in milliseconds from the first; of steps of one name the last. `seen`: what others saw, in milliseconds since 1970. */
export function formatTimeline(journal: string, seen: Readonly<Record<string, number>> = {}): string {
  const steps = new Map(Object.entries(seen));
  for (const line of journal.split('\n').filter(Boolean)) {
    const entry = JSON.parse(line) as Entry;
    const name = nameOf(entry);
    const micros = Number(entry._SOURCE_REALTIME_TIMESTAMP ?? entry.__REALTIME_TIMESTAMP);
    if (name !== undefined) steps.set(name, micros / 1000);
    // It says how old the process is.
    if (name === 'carrying') steps.set('node', micros / 1000 - Number(entry.WEFT_DURATION_MS));
  }
  const first = Math.min(...steps.values());
  return [...steps]
    .sort(([, a], [, b]) => a - b)
    .map(([name, at]) => `${Math.round(at - first)} ${name}`)
    .join(', ');
}

function nameOf({ MESSAGE, WEFT_EVENT }: Entry): string | undefined {
  if (WEFT_EVENT !== undefined) return EVENTS.includes(WEFT_EVENT) ? WEFT_EVENT : undefined;
  return MESSAGES.find(([pattern]) => pattern.test(MESSAGE))?.[1];
}
