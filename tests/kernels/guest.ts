/**
 * One boot of a kernel in QEMU, without hardware virtualization: from the image to the files that the steps left. A guest
 * that does not say its last line has failed, and the error shows its console.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeImage, type ImageContents } from "./image.ts";
import { tmpdir } from "../support/tmpdir.ts";

const LAST_LINE = "wirebound-guest-done";
const CONSOLE_LINES_SHOWN = 60;

/** What one step left. */
export interface StepResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface GuestResult {
  /** By the step's name. Throws an Error where the guest ran no such step. */
  step(name: string): StepResult;
  /** Another file that a step put into /results. */
  file(name: string): string;
  readonly seconds: number;
}

/**
 * Two processors, so that what the kernel counts per CPU is counted on more than one. Without CMPXCHG16B, which QEMU's
 * emulation gets wrong now and then (6.12 panics), and with all else that it can emulate: Bun needs SSE4.2.
 */
const MACHINE = [
  "-cpu",
  "max,-cx16",
  "-smp",
  "2",
  "-m",
  "1024",
  "-nodefaults",
  "-no-reboot",
  "-display",
  "none",
];

/** Boots it, waits until it has powered off, and reads its results. Throws an Error with the console when it fails. */
export async function runGuest(contents: ImageContents, deadlineMs: number): Promise<GuestResult> {
  await using directory = await tmpdir();
  const startMs = performance.now();
  const archive = await makeImage(directory.path, contents);
  const consolePath = join(directory.path, "console");
  const resultsPath = join(directory.path, "results.tgz");
  const disk = ["-kernel", contents.kernel.image, "-initrd", archive];
  const serial = ["-serial", `file:${consolePath}`, "-serial", `file:${resultsPath}`];
  const child = Bun.spawn(
    ["qemu-system-x86_64", ...MACHINE, ...disk, ...serial, "-append", "console=ttyS0 quiet panic=-1"],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe", timeout: deadlineMs, killSignal: "SIGKILL" },
  );
  const [words] = await Promise.all([child.stderr.text(), child.exited]);
  const seen = existsSync(consolePath) ? readFileSync(consolePath, "latin1") : "";
  const seconds = (performance.now() - startMs) / 1000;
  if (!seen.split(/\r?\n/).includes(LAST_LINE)) {
    const ended = child.signalCode === null ? `exit code ${child.exitCode}` : child.signalCode;
    const tail = seen.split(/\r?\n/).slice(-CONSOLE_LINES_SHOWN).join("\n");
    throw new Error(
      `the guest with ${contents.kernel.series} failed after ${seconds.toFixed(0)} s (QEMU: ${ended}) ${words}\n${tail}`,
    );
  }
  return { ...(await readResults(resultsPath, join(directory.path, "results"))), seconds };
}

async function readResults(archive: string, directory: string): Promise<Omit<GuestResult, "seconds">> {
  await mkdir(directory);
  const child = Bun.spawn(["tar", "-x", "-z", "-f", archive, "-C", directory], { stderr: "pipe" });
  const [words, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`the guest's results can't be unpacked: ${words.trim()}`);
  const texts = new Map<string, string>();
  for (const name of await readdir(directory)) texts.set(name, await readFile(join(directory, name), "utf8"));
  const file = (name: string): string => {
    const text = texts.get(name);
    if (text === undefined) throw new Error(`the guest left no ${name}, but ${[...texts.keys()].join(", ")}`);
    return text;
  };
  return {
    file,
    step: (name) => ({
      stdout: file(`${name}.out`),
      stderr: file(`${name}.err`),
      exitCode: Number(file(`${name}.code`)),
    }),
  };
}
