/** How many bytes per second one TCP connection carries over loopback: by iperf3 where it is installed. */
import { linesOf } from "./lines.ts";
import { generate, run } from "./programs.ts";

export const LINE_RATE_PROGRAM = Bun.which("iperf3") === null ? "the generator's stream" : "iperf3";

const PORT = "5201"; // in a network namespace of its own nobody else has it

interface Report {
  readonly end: { readonly sum_received: { readonly bits_per_second: number } };
}

/** Bytes per second, measured for so many seconds. */
export async function lineRate(seconds: number): Promise<number> {
  if (LINE_RATE_PROGRAM !== "iperf3") return (await generate("stream", 0, seconds * 1000)).bytesPerSecond;
  const server = Bun.spawn(["iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", PORT, "--forceflush"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const lines = linesOf(server.stdout);
    for (;;) {
      const line = await lines.next();
      if (line.done === true) throw new Error("iperf3 ended before it listened");
      if (line.value.startsWith("Server listening")) break;
    }
    const rest = (async () => {
      for await (const line of lines) void line;
    })();
    const report = JSON.parse(
      await run(["iperf3", "-c", "127.0.0.1", "-p", PORT, "-t", String(seconds), "-J"]),
    ) as Report;
    await rest;
    return report.end.sum_received.bits_per_second / 8;
  } finally {
    server.kill();
    await server.exited;
  }
}
