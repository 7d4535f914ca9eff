/**
 * The configuration of a running daemon, and how it becomes another one: at SIGHUP that of the file that it was started with, by command any.
 * Whole or not at all, one at a time; one that is to be confirmed is taken back by itself.
 */
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { Turns } from '../../dataplane/turns.ts';
import type { Config } from '../config/config.ts';
import { parseConfig, readableConfig, readConfigText } from '../config/load.ts';
import { errorFields, type Log } from '../log.ts';
import type { ServiceManager } from '../systemd/service-manager.ts';
import { applyChanges, type ReloadTarget } from './apply-changes.ts';
import type { ConfigLoads } from './config-loads.ts';
import type {
  ConfigApplyReport,
  ConfigApplyRequest,
  ConfigConfirmReport,
  ConfigOperations,
  ConfigReport,
} from './config-operations.ts';
import { type ConfigChange, describeChange, diffConfig, inverse } from './diff-config.ts';

export interface ConfigReloaderModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly manager: Pick<ServiceManager, 'reloading' | 'ready'>;
  readonly target: ReloadTarget;
  readonly loads: Pick<ConfigLoads, 'taken' | 'refused'>;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly text: string;
}

export interface ConfigReloaderOptions {
  /** The file that the daemon was started with, an absolute path. */
  readonly path: string;
  readonly running: LoadedConfig;
}

interface Pending {
  readonly former: LoadedConfig;
  readonly changes: readonly ConfigChange[];
  readonly timer: Timer;
  /** By the clock. */
  readonly endsAt: number;
}

export class ConfigReloader implements ConfigOperations {
  private readonly modules: ConfigReloaderModules;
  private readonly path: string;
  private running: LoadedConfig;
  private pending: Pending | undefined;
  private refused: string | undefined;
  private readonly turns = new Turns();
  private isStopped = false;

  constructor(modules: ConfigReloaderModules, options: ConfigReloaderOptions) {
    this.modules = modules;
    this.path = options.path;
    this.running = options.running;
  }

  /** SIGHUP: takes what the file says now. Never throws: the service manager and the log hear of what is refused. */
  reload(): Promise<void> {
    return this.inTurn(async () => {
      const { manager } = this.modules;
      manager.reloading();
      try {
        await this.take(async () => ({ text: await readConfigText(this.path), file: this.path }));
      } catch {
        // It is logged.
      }
      manager.ready();
    });
  }

  applyConfig(request: ConfigApplyRequest): Promise<ConfigApplyReport> {
    return this.inTurn(() => this.take(async () => request));
  }

  confirmConfig(): Promise<ConfigConfirmReport> {
    return this.inTurn(async () => {
      const { pending } = this;
      if (pending === undefined) {
        throw new WeftError('not_found', 'no change of the configuration waits to be confirmed', {
          hint: 'it may have been rolled back already: see weft config show, and apply it again',
        });
      }
      pending.timer.cancel();
      this.pending = undefined;
      this.modules.log.info({ component: 'daemon' }, 'the change of the configuration was confirmed');
      return { path: this.path, changes: textOf(pending.changes), text: this.running.text };
    });
  }

  async showConfig(): Promise<ConfigReport> {
    const { path, pending, refused = null, running } = this;
    return {
      path,
      refused,
      pending:
        pending === undefined
          ? null
          : {
              remaining_s: Math.max(0, Math.ceil((pending.endsAt - this.modules.clock.now()) / 1000)),
              changes: textOf(pending.changes),
            },
      config: readableConfig(running.text),
    };
  }

  /** What the operator has to know, for the end of the status line: empty when all is as the last change wanted it. */
  note(): string {
    const waiting = this.pending === undefined ? '' : '; a change of the configuration waits to be confirmed';
    return this.refused === undefined ? waiting : `${waiting}; reload refused: ${this.refused}`;
  }

  /** Waits for what is under way. What is not confirmed is not taken back: the next start is from the file, which has it not. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.pending?.timer.cancel();
    await this.turns.done();
  }

  private async take(source: () => Promise<ConfigApplyRequest>): Promise<ConfigApplyReport> {
    const { loads, log } = this.modules;
    try {
      const report = await this.carryOut(await source());
      this.refused = undefined;
      loads.taken();
      return report;
    } catch (error) {
      this.refused = error instanceof WeftError ? error.line : String(error);
      loads.refused();
      log.error({ component: 'daemon', ...errorFields(error) }, 'a change of the configuration was refused');
      throw error;
    }
  }

  private async carryOut({ text, file, confirmMs }: ConfigApplyRequest): Promise<ConfigApplyReport> {
    const { clock, log, target } = this.modules;
    if (this.pending !== undefined) {
      throw new WeftError('conflict', 'the last change of the configuration waits to be confirmed', {
        hint: 'confirm it with weft config confirm, or wait until it is rolled back: see weft config show',
      });
    }
    const config = parseConfig(text, file);
    const { changes, restart } = diffConfig(this.running.config, config);
    if (restart.length > 0) throw needRestart(file, restart);
    const path = this.path;
    const former = this.running;
    if (changes.length === 0) {
      this.running = { config, text };
      log.info({ component: 'daemon', path: file }, 'the configuration is the same');
      return { path, changes: [], confirm_s: null };
    }
    target.check(config, changes);
    await applyChanges({ log, target }, changes);
    this.running = { config, text };
    const reason = textOf(changes).join('; ');
    log.info({ component: 'daemon', path: file, reason }, 'the configuration was changed');
    if (confirmMs === undefined) return { path, changes: textOf(changes), confirm_s: null };
    const pending: Pending = {
      former,
      changes,
      timer: clock.after(confirmMs, () => void this.inTurn(() => this.rollBack(pending)).catch(() => {})),
      endsAt: clock.now() + confirmMs,
    };
    this.pending = pending;
    return { path, changes: textOf(changes), confirm_s: confirmMs / 1000 };
  }

  private async rollBack(pending: Pending): Promise<void> {
    const { log, target } = this.modules;
    // Confirmed at the last moment. What the clock says is no reason: timers may be early by a part of a millisecond.
    if (this.pending !== pending) return;
    this.pending = undefined;
    try {
      await applyChanges({ log, target }, pending.changes.toReversed().map(inverse), { evenInUse: true });
      this.running = pending.former;
      this.refused = 'not confirmed in time, rolled back';
      const reason = textOf(pending.changes).join('; ');
      log.warn({ component: 'daemon', reason }, 'the change of the configuration was rolled back');
    } catch (error) {
      this.refused = `cannot be rolled back: ${error instanceof WeftError ? error.line : String(error)}`;
      log.error(
        { component: 'daemon', ...errorFields(error) },
        'the change of the configuration cannot be rolled back',
      );
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.take(() => {
      if (this.isStopped) throw new WeftError('unavailable', 'the daemon is stopping');
      return work();
    });
  }
}

function needRestart(file: string, keys: readonly string[]): WeftError {
  const verb = keys.length === 1 ? 'changes' : 'change';
  return new WeftError('conflict', `${file}: ${keys.join(', ')} ${verb} only with a restart`, {
    hint: 'nothing has changed; leave them as they are, or write the file in its place and restart weft',
  });
}

function textOf(changes: readonly ConfigChange[]): readonly string[] {
  return changes.flatMap(describeChange);
}
