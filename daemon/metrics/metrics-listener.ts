/** Where Prometheus finds the metrics at present: metrics.listen, which a reload can change. */
import type { HostPort } from '../config/config.ts';
import { formatHostPort } from '../config/host-port.ts';
import { errorFields, type Log } from '../log.ts';
import type { NodeOperations } from '../operations.ts';
import type { MetricsServer } from './metrics-server.ts';

export class MetricsListener {
  private readonly log: Log;
  private server: MetricsServer | undefined;
  private node: Pick<NodeOperations, 'metrics'> | undefined;

  constructor(modules: { readonly log: Log }) {
    this.log = modules.log;
  }

  /** Listens there and no longer where it did; undefined: nowhere. Throws what startMetricsServer throws; then it listens where it did. */
  async listen(where: HostPort | undefined): Promise<void> {
    const former = this.server;
    // All addresses and one of them cannot be listened to on one port at a time.
    if (where !== undefined && former?.address.port === where.port) {
      await this.close();
      await this.open(where).catch(async error => {
        await this.open(former.address).catch(late =>
          this.log.error(errorFields(late), 'cannot undo a step'),
        );
        throw error;
      });
      return;
    }
    if (where === undefined) this.server = undefined;
    else await this.open(where);
    await former?.close();
  }

  serve(node: Pick<NodeOperations, 'metrics'>): void {
    this.node = node;
    this.server?.serve(node);
  }

  async close(): Promise<void> {
    await this.server?.close();
    this.server = undefined;
  }

  private async open(where: HostPort): Promise<void> {
    // Loaded only where somebody asks: most starts do not wait for an HTTP server (ADR 31).
    const { startMetricsServer } = await import('./metrics-server.ts');
    const server = await startMetricsServer(this.log, where);
    server.serve(this.node);
    this.server = server;
    const address = formatHostPort(server.address);
    this.log.info({ component: 'daemon', address }, 'listening for Prometheus');
  }
}
