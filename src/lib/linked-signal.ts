/**
 * A signal that aborts with any of several, or after a time. By hand and not by AbortSignal.any, which in Bun 1.4.4 keeps what
 * follows a long-lived signal for as long as that lives: memory would grow with every request.
 */
export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  /** Aborts it. */
  end(): void;
}

/**
 * Nothing is left of it once it is disposed of, or has aborted. Its reason is that of the signal that ended it, or a TimeoutError,
 * as AbortSignal.timeout has it.
 */
export function linkedSignal(signals: readonly AbortSignal[], afterMs?: number): LinkedSignal {
  const controller = new AbortController();
  const release = (): void => {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener("abort", end);
  };
  const abort = (reason: unknown): void => {
    release();
    controller.abort(reason);
  };
  const end = (): void => abort(signals.find(({ aborted }) => aborted)?.reason);
  const late = (): void => abort(new DOMException("its time is over", "TimeoutError"));
  const timer = afterMs === undefined ? undefined : setTimeout(late, afterMs);
  for (const signal of signals) signal.addEventListener("abort", end, { once: true });
  if (signals.some((signal) => signal.aborted)) end();
  return { signal: controller.signal, end, [Symbol.dispose]: release };
}
