/** A signal asks the monitor to end in order; one that comes when it is ending already ends it at once. */

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * From now on what the terminal sends (Ctrl-C, its end) is not meant for this process: it shares its process group with
 * the one that started it, which decides, and tells it in another way. SIGTERM still ends it.
 */
export function leaveTerminalToParent(): void {
  for (const name of ["SIGINT", "SIGHUP", "SIGQUIT"] as const) {
    process.on(name, () => {
      // Without a listener it would end the process at once.
    });
  }
}

const ALL = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface StopSignal extends Disposable {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP, or when the duration is over. */
  readonly signal: AbortSignal;
  /** Whether a signal ended it, not the duration. */
  readonly interrupted: boolean;
  /** The duration begins: what comes before it (a password, the start of a helper) is no part of it. */
  begin(): void;
}

export interface StopOptions {
  readonly durationMs: number | undefined;
  /** One sample has nothing to end in order: signals do what they do to any program. */
  readonly once: boolean;
  /** The signals that end it, where they are not all three. */
  readonly signals?: readonly (keyof typeof SIGNALS)[] | undefined;
}

/** Listens for signals from now on; `durationMs` is at most DURATION_MS_MAX. A second signal exits with 128 plus its number, as a shell would tell it. */
export function stopSignal({ durationMs, once, signals }: StopOptions): StopSignal {
  const controller = new AbortController();
  let interrupted = false;
  const listeners = (signals ?? (once ? [] : ALL)).map((name) => {
    const number = SIGNALS[name];
    const listener = (): void => {
      if (controller.signal.aborted) process.exit(128 + number);
      interrupted = true;
      controller.abort();
    };
    process.on(name, listener);
    return { name, listener };
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    signal: controller.signal,
    get interrupted() {
      return interrupted;
    },
    begin() {
      if (durationMs !== undefined) timer ??= setTimeout(() => controller.abort(), durationMs);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}
