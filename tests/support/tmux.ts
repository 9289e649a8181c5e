/** A terminal to drive a program in: tmux on a socket of its own, ended with its scope. */
import { join } from "node:path";
import { tmpdir, type TemporaryDirectory } from "./tmpdir.ts";
import { waitFor } from "./wait-for.ts";

export interface TerminalOptions {
  readonly width: number;
  readonly height: number;
  /** The environment of the shell; nothing of whoever runs the tests is added. */
  readonly env: Readonly<Record<string, string>>;
}

/** A shell in a terminal of a known size. */
export class TmuxTerminal implements AsyncDisposable {
  /** Holds the server's socket, which tmux itself would leave behind. */
  readonly #directory: TemporaryDirectory;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(directory: TemporaryDirectory, env: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#env = env;
  }

  static async open({ width, height, env }: TerminalOptions): Promise<TmuxTerminal> {
    const terminal = new TmuxTerminal(await tmpdir(), env);
    const size = ["-x", String(width), "-y", String(height)];
    await terminal.tmux("-f", "/dev/null", "new-session", "-d", ...size, "bash --norc --noprofile");
    // The program's own idea of the size follows only where the window does not follow a client.
    await terminal.tmux("set-option", "-g", "window-size", "manual");
    return terminal;
  }

  /** Runs a tmux command; its output without the last line break. */
  async tmux(...command: readonly string[]): Promise<string> {
    const child = Bun.spawn(["tmux", "-u", "-S", join(this.#directory.path, "tmux"), ...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...this.#env },
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(`tmux ${command.join(" ")}: ${stderr.trim()}`);
    return stdout.replace(/\n$/, "");
  }

  /** Presses keys by tmux's names: `Enter`, `Escape`, `C-c`, `Down`, `q`. */
  async keys(...keys: readonly string[]): Promise<void> {
    await this.tmux("send-keys", ...keys);
  }

  /** Sends text as it is: what is typed, or the bytes of a mouse event. */
  async type(text: string): Promise<void> {
    await this.tmux("send-keys", "-l", text);
  }

  /** Presses and releases the left button at a cell, counted from 0 (SGR mouse mode, xterm's ctlseqs). */
  async click(x: number, y: number): Promise<void> {
    await this.type(`\u001b[<0;${x + 1};${y + 1}M\u001b[<0;${x + 1};${y + 1}m`);
  }

  async resize(width: number, height: number): Promise<void> {
    await this.tmux("resize-window", "-x", String(width), "-y", String(height));
  }

  /** The lines on the screen, without trailing spaces. */
  async screen(): Promise<string[]> {
    return (await this.tmux("capture-pane", "-p")).split("\n");
  }

  /** The screen with its colours and attributes as escape sequences. */
  colours(): Promise<string> {
    return this.tmux("capture-pane", "-p", "-e");
  }

  /** Waits until the screen fulfils a condition; the error shows what was there instead. */
  async waitForScreen(what: string, condition: (lines: readonly string[]) => boolean): Promise<string[]> {
    let last: string[] = [];
    try {
      return await waitFor(
        what,
        async () => {
          last = await this.screen();
          return condition(last) ? last : undefined;
        },
        90_000,
      );
    } catch (error) {
      throw new Error(`${what} did not come to the screen:\n${last.join("\n")}`, { cause: error });
    }
  }

  waitForText(text: string): Promise<string[]> {
    return this.waitForScreen(`"${text}"`, (lines) => lines.some((line) => line.includes(text)));
  }

  /** What the terminal was left as: `1` or `0` each. */
  async modes(): Promise<{ alternateScreen: string; cursor: string; mouse: string }> {
    const text = await this.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}");
    const [alternateScreen = "", cursor = "", mouse = ""] = text.split(" ");
    return { alternateScreen, cursor, mouse };
  }

  /** Pid of the shell. */
  async shellPid(): Promise<number> {
    return Number(await this.tmux("display-message", "-p", "#{pane_pid}"));
  }

  /** Pid of the program that the shell runs in the foreground. */
  async childPid(): Promise<number> {
    const shell = await this.shellPid();
    const file = Bun.file(`/proc/${shell}/task/${shell}/children`);
    return await waitFor("the program to run", async () => {
      const [child] = (await file.text()).trim().split(" ");
      return child === undefined || child === "" ? undefined : Number(child);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tmux("kill-server");
    await this.#directory[Symbol.asyncDispose]();
  }
}
