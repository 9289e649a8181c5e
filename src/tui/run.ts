/**
 * The door of the terminal UI: shows the snapshots of a source until the person quits, a signal comes or the source
 * ends, and hands the terminal back before it returns or throws.
 */
import type { KeyEvent, PasteEvent } from "@opentui/core";
import type { SnapshotSource } from "../model/contracts.ts";
import { App, type AppOptions } from "./app.ts";
import { toAscii } from "./ascii.ts";
import { Canvas } from "./paint.ts";
import { openTerminal, type End, type Terminal } from "./terminal.ts";
import { themeNameFor, themeOf } from "./theme.ts";

export interface TuiOptions extends AppOptions {
  readonly source: SnapshotSource;
  /** How often a snapshot is expected. */
  readonly intervalMs: number;
  /** Whether the terminal's locale knows only ASCII. */
  readonly asciiOnly?: boolean | undefined;
  /** Ends the screen when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves when the person quits, a signal ends the screen, `signal` aborts or the source has no more snapshots; the
 * terminal is then as it was. Rejects with what the source throws, or with a crash, likewise with the terminal restored.
 */
export async function runTui(options: TuiOptions): Promise<void> {
  const app = new App(options);
  const sampling = new AbortController();
  const end = Promise.withResolvers<End>();
  const quit = (): void => end.resolve({ reason: "quit" });
  options.signal?.addEventListener("abort", quit, { once: true });
  if (options.signal?.aborted === true) quit();
  let reading: Promise<void> = Promise.resolve();
  let outcome: End;
  {
    await using terminal = await openTerminal(end.resolve);
    const draw = connect(app, terminal, end.resolve, options.asciiOnly ?? false);
    reading = read(options, app, sampling.signal, draw).then(quit, (error: unknown) =>
      end.resolve({ reason: "error", error }),
    );
    outcome = await end.promise;
    sampling.abort();
  }
  options.signal?.removeEventListener("abort", quit);
  await reading;
  if (outcome.reason === "error") throw outcome.error;
}

async function read(options: TuiOptions, app: App, signal: AbortSignal, draw: () => void): Promise<void> {
  for await (const snapshot of options.source.snapshots(signal)) {
    if (signal.aborted) return;
    if (app.ingest(snapshot)) draw();
  }
}

/** Ties keys, mouse and size to the app, and the app's frames to the screen. Returns what asks for a new drawing. */
function connect(app: App, terminal: Terminal, onEnd: (end: End) => void, asciiOnly: boolean): () => void {
  const { renderer } = terminal;
  const canvas = new Canvas(renderer, () => app.frame(), asciiOnly ? toAscii : undefined);
  const draw = (): void => {
    if (renderer.isDestroyed) return;
    const { cursor } = app.frame();
    renderer.setCursorPosition((cursor?.x ?? 0) + 1, (cursor?.y ?? 0) + 1, cursor !== undefined);
    canvas.requestRender();
  };
  const setTheme = (): void => {
    canvas.theme = themeOf(themeNameFor(process.env, renderer.themeMode ?? undefined));
  };
  const after = (changed: boolean): void => {
    if (app.state.quit) onEnd({ reason: "quit" });
    else if (changed) draw();
  };
  app.resize(renderer.width, renderer.height);
  setTheme();
  renderer.root.add(canvas);
  renderer.on("theme_mode", setTheme);
  renderer.on("resize", (width: number, height: number) => {
    app.resize(width, height);
    draw();
  });
  renderer.keyInput.on("keypress", (key: KeyEvent) => {
    if (key.ctrl && key.name === "z") {
      terminal.suspend().catch((error: unknown) => onEnd({ reason: "error", error }));
      return;
    }
    after(app.key(key));
  });
  renderer.keyInput.on("paste", (event: PasteEvent) => {
    after(app.paste(new TextDecoder().decode(event.bytes)));
  });
  canvas.onMouseDown = (event) => {
    if (event.button === 0) after(app.click(event.x, event.y));
  };
  canvas.onMouseScroll = (event) => {
    const direction = event.scroll?.direction;
    if (direction === "up" || direction === "down") after(app.wheel(direction));
  };
  draw();
  return draw;
}
