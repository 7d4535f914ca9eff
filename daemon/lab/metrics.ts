/** The metrics of a daemon as a scraper on its machine gets them. */
import type { Vm } from './vm.ts';

/** Of the machine itself: every namespace has a loopback of its own. */
export const METRICS_LISTEN = '127.0.0.1:9473';

export interface HttpAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

/** Asks the listener, from inside the machine. */
export async function askMetrics(vm: Vm, path: string, accept = '*/*'): Promise<HttpAnswer> {
  return await vm.tool<HttpAnswer>('fetch', [`http://${METRICS_LISTEN}${path}`, accept]);
}

/** What GET /metrics answers, in the text format. */
export async function scrape(vm: Vm): Promise<string> {
  const { status, body } = await askMetrics(vm, '/metrics');
  if (status !== 200) throw new Error(`${vm.name} answers a scrape with ${status}: ${body}`);
  return body;
}

/** The sum of all series of a metric that have these labels. Throws when there is none: a misspelt name is no 0. */
export function metricValue(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const lines = text
    .split('\n')
    .filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter(line => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)));
  if (lines.length === 0) throw new Error(`there is no ${name} ${JSON.stringify(labels)}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
