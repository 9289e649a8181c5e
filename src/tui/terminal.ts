/**
 * The terminal's life: taken over, handed back on every way out (quit, signal, crash, Ctrl-Z), and never left in raw
 * mode, in the alternate screen or without a cursor by anything that a program can catch.
 */
import { createCliRenderer, type CliRenderer, type CliRendererConfig } from "@opentui/core";
import { WbError } from "../model/errors.ts";

/** Why the screen is to end. An error is the caller's to report, once the terminal is handed back. */
export type End =
  | { readonly reason: "quit" | "signal" }
  | { readonly reason: "error"; readonly error: unknown };

/** Signals that end the screen; the terminal itself going away is SIGHUP. */
const END_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** How long a stop is given to take hold before the screen goes on: it can't take hold without a job-controlling shell. */
const STOP_GRACE_MS = 60;

export interface Terminal extends AsyncDisposable {
  readonly renderer: CliRenderer;
  /** Hands the terminal to the shell, stops this process, and takes the terminal back when it goes on. */
  suspend(): Promise<void>;
}

/** Takes the terminal over. `onEnd` is called for a signal or a crash, possibly more than once. */
export async function openTerminal(onEnd: (end: End) => void): Promise<Terminal> {
  const before = new Set(process.listeners("uncaughtException"));
  const closed = Promise.withResolvers<void>();
  const renderer = await created({
    onDestroy: closed.resolve,
    exitOnCtrlC: false,
    exitSignals: [],
    consoleMode: "disabled",
    openConsoleOnError: false,
    useKittyKeyboard: null,
    useMouse: true,
    enableMouseMovement: false,
    autoFocus: false,
    debounceDelay: 20,
    targetFps: 30,
    maxFps: 30,
  });
  dropForeignCrashHandlers(before);
  const handlers = new AsyncDisposableStack();
  const onSignal = (): void => onEnd({ reason: "signal" });
  for (const signal of END_SIGNALS) listen(handlers, signal, onSignal);
  const onCrash = (error: unknown): void => onEnd({ reason: "error", error });
  listen(handlers, "uncaughtException", onCrash);
  listen(handlers, "unhandledRejection", onCrash);
  const suspender = new Suspender(renderer, onCrash);
  handlers.use(suspender);
  return {
    renderer,
    suspend: () => suspender.stop(),
    async [Symbol.asyncDispose]() {
      // The screen first: a signal that comes meanwhile must still find its listener.
      renderer.destroy();
      await closed.promise;
      await handlers.disposeAsync();
    },
  };
}

/**
 * The library that draws is in the executable; Bun unpacks it (14 MB) into the temporary directory, once for each user.
 * @throws WbError("terminal") where that can't be done
 */
async function created(config: CliRendererConfig): Promise<CliRenderer> {
  try {
    return await createCliRenderer(config);
  } catch (cause) {
    if (!(cause instanceof Error) || !/library/.test(cause.message)) throw cause;
    const directory = process.env["BUN_TMPDIR"] || process.env["TMPDIR"] || "/tmp"; // where Bun unpacks to
    const why = `its drawing library can't be unpacked to ${directory}`;
    throw new WbError("terminal", `the screen can't be opened: ${why}`, {
      cause,
      hint: "set TMPDIR to a directory with 20 MB of room, or use --once for a table",
    });
  }
}

/** OpenTUI prints a crash into its own console and goes on; here a crash ends the screen. */
function dropForeignCrashHandlers(before: ReadonlySet<unknown>): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    for (const listener of process.listeners(event as "uncaughtException")) {
      if (!before.has(listener)) process.removeListener(event, listener);
    }
  }
}

function listen(stack: AsyncDisposableStack, event: string, listener: (argument: unknown) => void): void {
  process.on(event, listener);
  stack.defer(() => {
    process.off(event, listener);
  });
}

/** Stopping and going on: Ctrl-Z, SIGTSTP from outside, and coming back from a SIGSTOP that nobody can see coming. */
class Suspender implements Disposable {
  readonly #renderer: CliRenderer;
  readonly #onError: (error: unknown) => void;
  readonly #onStop = (): void => {
    this.stop().catch(this.#onError);
  };
  /** The shell has used the terminal meanwhile: it is taken over anew. */
  readonly #onContinue = (): void => {
    if (this.#stopping || this.#renderer.isDestroyed) return;
    this.#renderer.suspend();
    this.#renderer.resume();
  };
  #stopping = false;

  constructor(renderer: CliRenderer, onError: (error: unknown) => void) {
    this.#renderer = renderer;
    this.#onError = onError;
    process.on("SIGTSTP", this.#onStop);
    process.on("SIGCONT", this.#onContinue);
  }

  async stop(): Promise<void> {
    if (this.#stopping || this.#renderer.isDestroyed) return;
    this.#stopping = true;
    try {
      this.#renderer.suspend();
      // With no listener the signal has its default effect: the whole job stops, as the shell expects. Where no shell
      // could continue the job the kernel ignores the signal, and the screen simply comes back.
      process.off("SIGTSTP", this.#onStop);
      process.kill(0, "SIGTSTP");
      await Bun.sleep(STOP_GRACE_MS);
      process.on("SIGTSTP", this.#onStop);
      if (!this.#renderer.isDestroyed) this.#renderer.resume();
    } finally {
      this.#stopping = false;
    }
  }

  [Symbol.dispose](): void {
    process.off("SIGTSTP", this.#onStop);
    process.off("SIGCONT", this.#onContinue);
  }
}
