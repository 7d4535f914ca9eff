/** The formats in which metrics are written, and how a scraper asks for one. */

export const METRIC_FORMATS = ['text', 'openmetrics'] as const;

/** `text`: Prometheus's own, 0.0.4. `openmetrics`: OpenMetrics 1.0. */
export type MetricFormat = (typeof METRIC_FORMATS)[number];

export const METRIC_CONTENT_TYPES = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const satisfies Readonly<Record<MetricFormat, string>>;

/** What a scraper wants to read, by its Accept header: Prometheus names OpenMetrics when it understands it. */
export function formatFor(accept: string | undefined): MetricFormat {
  return /\bapplication\/openmetrics-text\b/.test(accept ?? '') ? 'openmetrics' : 'text';
}
