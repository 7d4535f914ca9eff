/**
 * SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the process at once. SIGUSR2 asks for one that the next process
 * follows (RestartKillSignal= of our unit). SIGHUP asks for a reload.
 */

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const;

export interface StopSignals {
  /** Resolves with the name of the first signal. */
  readonly first: Promise<NodeJS.Signals>;
  /** From now on `reload` is called for each SIGHUP, and at once if one has come before. */
  onReload(reload: () => void): void;
  /** Gives the signals back to Node. */
  release(): void;
}

/** `atOnce` is called for the second signal; it should not return. */
export function stopSignals(atOnce: (signal: NodeJS.Signals) => void): StopSignals {
  let received = false;
  let resolveFirst: (signal: NodeJS.Signals) => void;
  let isReloadDue = false;
  let reload = () => {
    isReloadDue = true;
  };
  const first = new Promise<NodeJS.Signals>(resolve => {
    resolveFirst = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (received) atOnce(signal);
    received = true;
    resolveFirst(signal);
  };
  const onHangUp = () => reload();
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  process.on('SIGHUP', onHangUp);
  return {
    first,
    onReload(next) {
      reload = next;
      if (isReloadDue) next();
      isReloadDue = false;
    },
    release() {
      for (const signal of STOP_SIGNALS) process.removeListener(signal, onSignal);
      process.removeListener('SIGHUP', onHangUp);
    },
  };
}
