/** The scripted workload of workload.c: made, run, and what it wrote of itself read back. Needs cc; root for other users. */
import { chmod, copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";

export type Kind = "program" | "short" | "leaf" | "middle" | "top" | "two" | "user";

/** Times are nanoseconds of CLOCK_BOOTTIME; of two, the truth lies between. */
export interface TrueProcess {
  readonly number: number;
  readonly pid: number;
  readonly parentPid: number;
  readonly kind: Kind;
  /** The last program that it ran. */
  readonly name: string;
  /** The one before. */
  readonly firstName: string;
  readonly userId: number;
  readonly startNs: readonly [number, number];
  readonly endNs: readonly [number, number];
  readonly exitCode: number;
}

/** In turn; what they are taken for is known for all but the last. */
export const NAMES = ["firefox", "steam", "vlc", "gcc", "wb-worked"] as const;
export const CATEGORIES_OF: Readonly<Record<string, string>> = {
  firefox: "browser",
  steam: "game",
  vlc: "media",
  gcc: "development",
  "wb-worked": "unknown",
  workload: "unknown",
};
/** What a process is called that only forked. */
export const DRIVER = "workload";

export class Workload {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Compiles it into the directory, which all users may then enter. */
  static async make(directory: string): Promise<Workload> {
    const program = join(directory, DRIVER);
    const source = join(import.meta.dir, "workload.c");
    const compiled = Bun.spawnSync(["cc", "-O1", "-Wall", "-Werror", "-o", program, source], {
      stderr: "pipe",
    });
    if (compiled.exitCode !== 0) throw new Error(compiled.stderr.toString());
    await Promise.all(NAMES.map((name) => copyFile(program, join(directory, name))));
    await chmod(directory, 0o755);
    return new Workload(directory);
  }

  /** So many processes, one every so many microseconds. Returns the pid of the one that started them, and the truth. */
  async run(count: number, pauseUs: number): Promise<{ pid: number; processes: TrueProcess[] }> {
    const truth = join(this.#directory, "truth");
    const words = ["run", truth, String(count), String(pauseUs), ...NAMES];
    const child = Bun.spawn([join(this.#directory, DRIVER), ...words], { stderr: "inherit" });
    const code = await child.exited;
    if (code !== 0) throw new Error(`the workload ended with ${code}`);
    return { pid: child.pid, processes: read(await readFile(truth, "utf8")) };
  }
}

function read(text: string): TrueProcess[] {
  const ends = new Map<string, { atNs: number; code: number }>();
  const gone = new Map<string, number>();
  const starts: string[][] = [];
  for (const line of text.trim().split("\n")) {
    const [what = "", ...words] = line.split(" ");
    const [number = "", , third = "", fourth = ""] = words;
    if (what === "start") starts.push(words);
    else if (what === "end") ends.set(number, { atNs: Number(third), code: Number(fourth) });
    else gone.set(number, Number(third));
  }
  return starts.map((words) => {
    const [number = "", pid, parentPid, before, after, kind = "", name = "", uid] = words;
    const end = ends.get(number);
    const goneNs = gone.get(number);
    if (end === undefined || goneNs === undefined) throw new Error(`process ${number} has no end`);
    const own = kind === "middle" || kind === "top" || name === "-" ? DRIVER : name;
    return {
      number: Number(number),
      pid: Number(pid),
      parentPid: Number(parentPid),
      kind: kind as Kind,
      name: kind === "two" ? (NAMES[(Number(number) + 1) % NAMES.length] ?? "") : own,
      firstName: own,
      userId: Number(uid),
      startNs: [Number(before), Number(after)],
      endNs: [end.atNs, goneNs],
      exitCode: end.code,
    };
  });
}
