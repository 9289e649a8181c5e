/** The guests' own C programs, static: a guest has no other libraries than those of the program under test. */
import { join } from "node:path";
import { trafficProgram } from "../integration/accuracy/program.ts";

const BPF_OBJECTS = "bpf-objects";

/** Compiles what is not compiled yet, and returns the programs' paths. Throws an Error with the compiler's words. */
export async function guestPrograms(directory: string): Promise<string[]> {
  const program = join(directory, BPF_OBJECTS);
  const source = join(import.meta.dir, "guest", `${BPF_OBJECTS}.c`);
  const command = ["cc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [words, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`${source} can't be compiled: ${words}`);
  return [program, await trafficProgram()];
}
