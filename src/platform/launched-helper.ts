/**
 * Starts the elevated helper as a child of this process and ends it with it. The helper gets its secret as one line on its
 * standard input, which then stays open as the line of life: when this process ends, however it ends, the kernel closes
 * it, and the helper goes. The secret is in no argument and no environment.
 */
import { randomBytes } from "node:crypto";
import { isAbsolute } from "node:path";
import { WbError, type ErrorCode } from "../model/errors.ts";
import {
  cannotElevate,
  ElevationRefused,
  elevatedCommand,
  elevatedEnvironment,
  elevationFacts,
  elevationWays,
  mayAsk,
  ownCommand,
  silentWays,
  type ElevationFacts,
  type ElevationWay,
} from "./elevation.ts";

export interface LaunchedHelper extends AsyncDisposable {
  readonly way: ElevationWay;
  readonly socketPath: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** The helper's own pid, which is not that of sudo or pkexec before it. */
  readonly pid: number;
  readonly isAlive: boolean;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

export interface LaunchOptions {
  /** Words after `wb helper --elevated --launched`, such as `--method ebpf_fentry`. */
  readonly words?: readonly string[] | undefined;
  /** False: only ways that ask nobody, as when it is started again under a running screen. */
  readonly mayAsk?: boolean | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** For tests; what this machine has by default. */
  readonly facts?: ElevationFacts | undefined;
  /** For tests: what is run instead of this program. */
  readonly own?: readonly string[] | undefined;
  /** Told once where the answer takes longer than a second: a password may be waited for. */
  readonly onWait?: ((way: ElevationWay) => void) | undefined;
  /** Bounds of the waiting, in milliseconds: where a person may be asked, and where not. */
  readonly askMsMax?: number | undefined;
  readonly startMsMax?: number | undefined;
}

const SECRET_BYTES = 32;
const PATIENCE_MS = 1000;
const ASK_MS_MAX = 60_000;
const START_MS_MAX = 30_000;
/** A helper that is told to go has nothing to wait for but the kernel freeing its maps. */
const END_MS_MAX = 5000;
const ANSWER_BYTES_MAX = 65_536;
const WORDS_BYTES_MAX = 8192;

type Child = Bun.Subprocess<"pipe", "pipe", "pipe">;

/**
 * Starts it by the first way that works.
 * @throws WbError("permission") where nobody can make it root, or somebody said no; WbError("unavailable") where it can't
 * do its work, with what it said.
 */
export async function launchHelper(options: LaunchOptions = {}): Promise<LaunchedHelper> {
  const facts = options.facts ?? elevationFacts(options.env);
  const ways = options.mayAsk === false ? silentWays(facts) : elevationWays(facts);
  let refusal: ElevationRefused | undefined;
  for (const way of ways) {
    try {
      return await launchBy(way, facts, options);
    } catch (error) {
      // Only where sudo itself said no is there sense in another way: what the helper says it would say again.
      if (!(error instanceof ElevationRefused)) throw error;
      refusal = error;
    }
  }
  throw ways.length === 1 && refusal !== undefined ? refusal : cannotElevate(facts);
}

async function launchBy(
  way: ElevationWay,
  facts: ElevationFacts,
  options: LaunchOptions,
): Promise<LaunchedHelper> {
  const words = ["helper", "--elevated", "--launched", ...(options.words ?? [])];
  const child: Child = Bun.spawn(elevatedCommand(way, facts, options.own ?? ownCommand(), words), {
    // Nothing in the directory that one happens to stand in (a bunfig.toml, a .env) can steer it.
    cwd: "/",
    env: elevatedEnvironment(way, options.env ?? process.env),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    // In a session of its own the terminal's Ctrl-C doesn't reach it. sudo and pkexec need the terminal, to ask on it and to
    // know who it was that they asked.
    detached: way === "direct",
  });
  const said = new LastWords(child.stderr);
  const secret = new Uint8Array(randomBytes(SECRET_BYTES));
  try {
    const line = await answerOf(child, secret, way, options);
    if (line === undefined) throw await refused(child, way, said);
    const { socket, pid } = readAnswer(line);
    return {
      way,
      socketPath: socket,
      secret,
      pid,
      get isAlive() {
        return child.exitCode === null && child.signalCode === null;
      },
      ended: child.exited.then(() => undefined),
      [Symbol.asyncDispose]: () => end(child),
    };
  } catch (error) {
    await end(child);
    throw error;
  }
}

/** Hands the secret over and waits for the one line; undefined where the child ended without one. */
async function answerOf(
  child: Child,
  secret: Uint8Array,
  way: ElevationWay,
  options: LaunchOptions,
): Promise<string | undefined> {
  const greeting = {
    secret: Buffer.from(secret).toString("base64"),
    clientPid: process.pid,
    userId: process.geteuid?.() ?? 0,
  };
  const waitMsMax = mayAsk(way) ? (options.askMsMax ?? ASK_MS_MAX) : (options.startMsMax ?? START_MS_MAX);
  const patience = setTimeout(() => options.onWait?.(way), PATIENCE_MS);
  const timeout = Promise.withResolvers<never>();
  const limit = setTimeout(() => {
    timeout.reject(
      new WbError("unavailable", `the elevated helper did not answer within ${waitMsMax / 1000} s`, {
        hint: mayAsk(way)
          ? "If it waited for a password, give it sooner; sudo -v asks for it ahead."
          : "See what it says by itself: sudo wb helper --elevated",
      }),
    );
  }, waitMsMax);
  try {
    const written = (async () => {
      await child.stdin.write(`${JSON.stringify(greeting)}\n`);
      await child.stdin.flush();
    })();
    written.catch(() => {
      // It went before it read: then there is no answer either, and its words and exit code say why.
    });
    return await Promise.race([firstLine(child.stdout), timeout.promise]);
  } finally {
    clearTimeout(patience);
    clearTimeout(limit);
  }
}

/** The first line of the stream; what follows is read and forgotten, so that nobody waits for a reader. */
function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const found = Promise.withResolvers<string | undefined>();
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let text = "";
    let isFound = false;
    for await (const chunk of stream) {
      if (isFound) continue;
      text += decoder.decode(chunk, { stream: true });
      const end = text.indexOf("\n");
      if (end < 0 && text.length < ANSWER_BYTES_MAX) continue;
      isFound = true;
      found.resolve(end < 0 ? text : text.slice(0, end));
    }
    if (!isFound) found.resolve(undefined);
  };
  read().catch(() => found.resolve(undefined)); // a broken pipe is an end
  return found.promise;
}

interface Answer {
  readonly socket: string;
  readonly pid: number;
}

/** What a helper that can't work may call it; all else of the code table is not its to say. */
const HELPER_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "permission",
  "unsupported",
  "unavailable",
  "config",
]);

/** @throws WbError for an answer that says why not, and for one that means nothing. */
function readAnswer(line: string): Answer {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch {
    answer = undefined; // told below, as everything that is no answer
  }
  const { socket, pid, error, hint, code } = (answer ?? {}) as Record<string, unknown>;
  if (typeof error === "string") {
    const known = typeof code === "string" && HELPER_CODES.has(code);
    throw new WbError(known ? (code as ErrorCode) : "unavailable", error, {
      hint: typeof hint === "string" ? hint : "See what is missing: wb doctor",
    });
  }
  if (
    typeof socket === "string" &&
    isAbsolute(socket) &&
    typeof pid === "number" &&
    Number.isSafeInteger(pid)
  ) {
    return { socket, pid };
  }
  throw new WbError("protocol", "the elevated helper answered with something that is no answer", {
    hint: "Make sure that the wb that sudo runs is this one.",
  });
}

/** pkexec(1): 126 the dialog was dismissed, 127 not authorized or it could not ask. */
const PKEXEC_REFUSALS: ReadonlySet<number> = new Set([126, 127]);

/** Why there was no answer: sudo's or pkexec's own no, or a helper that broke. */
async function refused(child: Child, way: ElevationWay, said: LastWords): Promise<WbError> {
  await endInput(child);
  await Promise.race([Promise.all([child.exited, said.complete]), Bun.sleep(END_MS_MAX)]);
  const last = said.lines.at(-1) ?? "";
  const bySudo =
    (way === "sudo" || way === "sudo_silent") && said.lines.some((line) => line.startsWith("sudo:"));
  const byPkexec = way === "pkexec" && child.exitCode !== null && PKEXEC_REFUSALS.has(child.exitCode);
  if (bySudo || byPkexec) {
    const name = bySudo ? "sudo" : "pkexec";
    const words = last.replace(/^sudo: /, "");
    return new ElevationRefused(
      `${name} did not start the elevated helper${words === "" ? "" : `: ${words}`}`,
      "Give the password of somebody who may become root, or watch without the helper: leave out --elevate",
    );
  }
  const how =
    child.exitCode === null ? `signal ${child.signalCode ?? "unknown"}` : `exit code ${child.exitCode}`;
  // Ctrl-C at the prompt ends sudo without a word.
  if (mayAsk(way) && last === "") {
    return new ElevationRefused(
      `elevating was given up (${how})`,
      "Try again, or watch without the helper: leave out --elevate",
    );
  }
  return new WbError(
    "unavailable",
    `the elevated helper ended before it answered (${how})${last === "" ? "" : `: ${last}`}`,
    {
      hint: "See what it says by itself: sudo wb helper --elevated",
    },
  );
}

/** The end of what the child wrote to standard error: kept for the case of a failure, bounded. */
class LastWords {
  /** Resolves at the end of the stream. */
  readonly complete: Promise<void>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.complete = this.#read(stream).catch(() => {
      // A broken pipe is an end.
    });
  }

  /** Without empty ones. */
  get lines(): string[] {
    return this.#text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#text = (this.#text + decoder.decode(chunk, { stream: true })).slice(-WORDS_BYTES_MAX);
    }
  }
}

/** Cuts the line of life and waits; what does not go by itself is made to, as far as this user may. */
async function end(child: Child): Promise<void> {
  await endInput(child);
  if (await hasEnded(child, END_MS_MAX)) return;
  child.kill("SIGKILL"); // without effect on another user's process, which sudo is
  await hasEnded(child, END_MS_MAX);
}

async function endInput(child: Child): Promise<void> {
  try {
    await child.stdin.end();
  } catch {
    // It is gone already.
  }
}

async function hasEnded(child: Child, withinMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  const ended = await Promise.race([child.exited.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}
