/** SIGTERM, SIGINT and SIGHUP: the first asks for an orderly stop, the second ends the process at once. */

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export interface StopSignals {
  /** Resolves with the name of the first signal. */
  readonly first: Promise<NodeJS.Signals>;
  /** Gives the signals back to Node. */
  release(): void;
}

/** `atOnce` is called for the second signal; it should not return. */
export function stopSignals(atOnce: (signal: NodeJS.Signals) => void): StopSignals {
  let received = false;
  let resolveFirst: (signal: NodeJS.Signals) => void;
  const first = new Promise<NodeJS.Signals>(resolve => {
    resolveFirst = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (received) atOnce(signal);
    received = true;
    resolveFirst(signal);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  return {
    first,
    release() {
      for (const signal of STOP_SIGNALS) process.removeListener(signal, onSignal);
    },
  };
}
