/** `wb serve` as a process of its own, from the source or as the binary, until its scope ends. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { BINARY_PATH } from "../needs.ts";
import { wbEnvironment } from "../run-wb.ts";

export const FROM_SOURCE: readonly string[] = [
  process.execPath,
  new URL("../../../src/main.ts", import.meta.url).pathname,
];
export const AS_BINARY: readonly string[] = [BINARY_PATH];

export interface Announced {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly pin: string;
  readonly parentId: string;
  readonly addresses: readonly string[];
}

export interface ServeProcess extends AsyncDisposable {
  readonly child: Subprocess<"ignore", "pipe", "pipe">;
  /** What it printed once it listened. */
  readonly announced: Announced;
  /** The log so far. */
  readonly stderr: () => string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a signal; resolves with the exit code. */
  end(signal?: "SIGTERM" | "SIGINT"): Promise<number>;
}

/** Starts it with a state directory below `home`, on a free port of this machine alone. */
export async function serveProcess(
  home: string,
  options: { by?: readonly string[]; args?: readonly string[]; env?: Record<string, string> } = {},
): Promise<ServeProcess> {
  const args = ["serve", "--listen", "127.0.0.1:0", "--no-mdns", "--json-log", ...(options.args ?? [])];
  const child = Bun.spawn([...(options.by ?? FROM_SOURCE), ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: wbEnvironment({ home, ...(options.env === undefined ? {} : { env: options.env }) }),
  });
  let errors = "";
  const decoder = new TextDecoder();
  const told = (async () => {
    for await (const chunk of child.stderr) errors += decoder.decode(chunk, { stream: true });
  })();
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    if (output.includes("\n")) break;
  }
  if (!output.includes("\n")) {
    await told;
    throw new Error(`wb serve ended with ${await child.exited}: ${errors}`);
  }
  const announced = JSON.parse(output) as Announced;
  const directory = join(home, ".local", "state", "wirebound", "serve");
  const ca = await readFile(join(directory, "tls-certificate.pem"), "utf8");
  return {
    child,
    announced,
    stderr: () => errors,
    fetch: (path, init) => fetch(`${announced.url}${path}`, { ...init, tls: { ca } }),
    end: async (signal = "SIGTERM") => {
      child.kill(signal);
      const code = await child.exited;
      await told;
      return code;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
