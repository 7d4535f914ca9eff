/** Carries changes of the configuration out, all of them or none. */
import { WeftError } from '../../dataplane/errors.ts';
import type { Config, HostPort, NetworkConfig } from '../config/config.ts';
import type { Log } from '../log.ts';
import type { LogLevel } from '../log-fields.ts';
import { UndoStack } from '../undo-stack.ts';
import { type ConfigChange, inverse } from './diff-config.ts';

/** What a node can follow while it runs. A step that fails leaves nothing of itself. */
export interface NodeReload {
  /** Throws what keeps these changes from being carried out, as far as it can be seen before. Changes nothing. */
  check(config: Config, changes: readonly ConfigChange[]): void;
  setJoin(join: readonly HostPort[]): void;
  /** `evenInUse`: one with containers leaves the configuration, and is carried until they have gone; else it is refused. */
  changeNetwork(
    from: NetworkConfig | undefined,
    to: NetworkConfig | undefined,
    how: { readonly evenInUse: boolean },
  ): Promise<void>;
}

/** And what the process around it can. */
export interface ReloadTarget extends NodeReload {
  setLogLevel(level: LogLevel): void;
  listenForMetrics(listen: HostPort | undefined): Promise<void>;
}

export interface ApplyModules {
  readonly log: Log;
  readonly target: ReloadTarget;
}

/** Throws what the step that failed has thrown, with what became of those before it. */
export async function applyChanges(
  { log, target }: ApplyModules,
  changes: readonly ConfigChange[],
  how: { readonly evenInUse: boolean } = { evenInUse: false },
): Promise<void> {
  const undo = new UndoStack({ log });
  for (const change of changes) {
    try {
      await carryOut(target, change, how);
    } catch (error) {
      throw withOutcome(error, await undo.run());
    }
    // What was added is new, and may have got containers at once.
    undo.push(() => carryOut(target, inverse(change), { evenInUse: true }));
  }
}

async function carryOut(
  target: ReloadTarget,
  change: ConfigChange,
  how: { readonly evenInUse: boolean },
): Promise<void> {
  switch (change.kind) {
    case 'metrics':
      return await target.listenForMetrics(change.to);
    case 'network':
      return await target.changeNetwork(change.from, change.to, how);
    case 'join':
      return target.setJoin(change.to);
    case 'logLevel':
      return target.setLogLevel(change.to);
  }
}

function withOutcome(error: unknown, isUndone: boolean): unknown {
  if (!(error instanceof WeftError)) return error;
  const outcome = isUndone
    ? 'nothing has changed'
    : 'and not all could be undone: see the log, and restart weft';
  const hint = error.hint === undefined ? outcome : `${error.hint}; ${outcome}`;
  return new WeftError(error.code, error.message, { hint, cause: error });
}
