/** `wb monitor --headless`, `wb history` and `wb export history` as people run them: real traffic, full disks, read-only homes. */
import { describe, expect } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

function environment(
  stateHome: string,
  more: Record<string, string> = {},
): Record<string, string | undefined> {
  return {
    ...process.env,
    HOME: stateHome,
    XDG_STATE_HOME: stateHome,
    XDG_CACHE_HOME: stateHome,
    XDG_CONFIG_HOME: stateHome,
    WB_HISTORY_COMMIT: "50ms",
    ...more,
  };
}

async function wb(stateHome: string, ...args: string[]): Promise<Ended> {
  const child = Bun.spawn([BINARY_PATH, ...args], {
    env: environment(stateHome),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { stdout, stderr, exitCode: await child.exited };
}

/** A headless monitor whose standard error can be waited for. */
class Headless implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  stderr = "";
  readonly #reading: Promise<void>;

  constructor(stateHome: string, command: readonly string[] = [BINARY_PATH]) {
    this.#child = Bun.spawn([...command, "monitor", "--headless", "--no-dns", "--interval", "100ms"], {
      env: environment(stateHome),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) this.stderr += decoder.decode(chunk, { stream: true });
  }

  says(text: string | RegExp): Promise<unknown> {
    return waitFor(`the monitor to say ${text}`, () =>
      typeof text === "string" ? this.stderr.includes(text) : text.test(this.stderr),
    );
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    const exitCode = await this.#child.exited;
    await this.#reading;
    return exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

/** A server that takes everything. It listens before the monitor looks, so that its port is known for the service's. */
class Sink implements Disposable {
  received = 0;
  readonly #server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (_socket, data) => {
        this.received += data.length;
      },
    },
  });

  get port(): number {
    return this.#server.port;
  }

  /** Sends so many bytes over a connection of its own and waits until they have arrived. */
  async transfer(bytes: number): Promise<void> {
    const before = this.received;
    let left = bytes;
    const pump = (socket: Bun.Socket): void => {
      while (left > 0) {
        const taken = socket.write(new Uint8Array(Math.min(left, 65_536)));
        if (taken <= 0) return;
        left -= taken;
      }
      socket.end();
    };
    const socket = { open: pump, drain: pump, data: () => undefined };
    await Bun.connect({ hostname: "127.0.0.1", port: this.port, socket });
    await waitFor("all bytes to arrive", () => this.received === before + bytes);
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }
}

interface HistoryDocument {
  readonly version: number;
  readonly totals: {
    readonly bytesSent: number;
    readonly bytesReceived: number;
    readonly connections: number;
  };
  readonly rows: readonly Record<string, unknown>[];
  readonly coverage: { readonly gaps: readonly { readonly reason: string }[] } | null;
}

async function historyOf(stateHome: string, ...args: string[]): Promise<HistoryDocument> {
  const { stdout } = await wb(stateHome, "history", "--json", ...args);
  return JSON.parse(stdout) as HistoryDocument;
}

describe("recording and asking", () => {
  testWith(
    ["binary"],
    "what was sent is in the history, to the byte, both ways, and in the export",
    async () => {
      await using directory = await tmpdir();
      using sink = new Sink();
      const { port } = sink;
      await using monitor = new Headless(directory.path);
      await monitor.says("recording to");
      await sink.transfer(5_000_000);
      const asked = ["--port", String(port)] as const;
      await waitFor("the bytes to be recorded", async () => {
        const { totals } = await historyOf(directory.path, ...asked);
        return totals.bytesSent === 5_000_000 && totals.bytesReceived === 5_000_000;
      });
      expect(await monitor.stop()).toBe(0);
      const answer = await historyOf(directory.path, ...asked);
      expect(answer.version).toBe(1);
      expect(answer.totals).toMatchObject({ bytesSent: 5_000_000, bytesReceived: 5_000_000, connections: 2 });
      expect(answer.coverage?.gaps).toEqual([]);

      const chart = await wb(directory.path, "history", "--by", "port", ...asked);
      expect(chart.stderr).toBe("");
      expect(chart.stdout).toMatch(
        new RegExp(`^${port}/tcp \\(in\\) +█+ +0 B +4\\.77 MiB +50\\.0 % +1$`, "m"),
      );
      expect(chart.stdout).toContain("Bytes are payload, exact.");
      expect(chart.exitCode).toBe(0);

      const file = join(directory.path, "history.csv");
      const exported = await wb(directory.path, "export", "history", "--output", file, ...asked);
      expect(exported).toEqual({ stdout: "", stderr: "", exitCode: 0 });
      const [heading, ...lines] = readFileSync(file, "utf8").trimEnd().split("\r\n");
      expect(heading).toStartWith("start,startMs,endMs,resolution,processName");
      expect(lines.length).toBe(2);
      const jsonl = await wb(directory.path, "export", "history", "--format", "jsonl", ...asked);
      const sent = jsonl.stdout
        .trimEnd()
        .split("\n")
        .slice(1)
        .reduce((sum, line) => sum + (JSON.parse(line) as { bytesSent: number }).bytesSent, 0);
      expect(sent).toBe(5_000_000);
    },
  );

  testWith(
    ["binary"],
    "the second of two monitors stands by and takes over; nothing is counted twice",
    async () => {
      await using directory = await tmpdir();
      using sink = new Sink();
      await using first = new Headless(directory.path);
      await first.says("recording to");
      await using second = new Headless(directory.path);
      await second.says("another monitor records the history");
      const asked = ["--port", String(sink.port)] as const;
      await sink.transfer(100_000);
      const recorded = (bytes: number) => async () => {
        const { totals } = await historyOf(directory.path, ...asked);
        return totals.bytesSent === bytes && totals.bytesReceived === bytes;
      };
      await waitFor("the bytes to be recorded", recorded(100_000));
      await first[Symbol.asyncDispose]();
      await second.says("recording to");
      await sink.transfer(200_000);
      await waitFor("the later bytes to be recorded", recorded(300_000));
      expect(await second.stop()).toBe(0);
      expect((await historyOf(directory.path, ...asked)).totals.connections).toBe(4);
      expect(second.stderr).toContain("the last monitor ended without closing the history");
    },
  );

  testWith(["binary"], "without a history it is said how to begin one", async () => {
    await using directory = await tmpdir();
    const text = await wb(directory.path, "history");
    expect(text.stderr).toContain("nothing is recorded yet");
    expect(text.stderr).toContain("wb monitor --headless");
    expect(text).toMatchObject({ stdout: "", exitCode: 0 });
    expect(await historyOf(directory.path)).toMatchObject({ version: 1, rows: [], coverage: null });
    const csv = await wb(directory.path, "export", "history");
    expect(csv.stdout.split("\r\n").length).toBe(2);
    expect(csv.exitCode).toBe(0);
  });

  testWith(["binary"], "wrong questions are refused with what is allowed", async () => {
    await using directory = await tmpdir();
    for (const [args, said] of [
      [["--by", "proces"], 'did you mean "process"?'],
      [["--since", "next week"], "write 24h, 7d, today"],
      [["--on", "2026-02-30"], "is not a moment"],
      [["--since", "today", "--until", "yesterday"], "--since must be before --until"],
      [["--filter", "state:listen"], "the history can't be filtered by"],
      [["--limit", "0"], "--limit must be"],
    ] as const) {
      const refused = await wb(directory.path, "history", ...args);
      expect(refused.stderr).toContain(said);
      expect(refused).toMatchObject({ stdout: "", exitCode: 2 });
    }
  });
});

describe("places that refuse", () => {
  testWith(
    ["binary", "root", "program:mount"],
    "a full disk stops the recording with a warning, never the monitor",
    async () => {
      await using directory = await tmpdir();
      const disk = join(directory.path, "disk");
      mkdirSync(disk);
      expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]).exitCode).toBe(0);
      try {
        using sink = new Sink();
        await using monitor = new Headless(disk);
        await monitor.says("recording to");
        let filled = 0;
        const fill = (): void => {
          try {
            for (; ; filled += 1) writeFileSync(join(disk, `fill${filled}`), Buffer.alloc(4096, 1));
          } catch {
            // Full is what it is to become.
          }
        };
        await waitFor(
          "the recording to stop",
          async () => {
            fill();
            await sink.transfer(1000);
            return monitor.stderr.includes("recording stopped");
          },
          30_000,
        );
        expect(monitor.stderr).toMatch(/the disk is full|refuses to read or write/);
        expect(monitor.isRunning).toBe(true);
        expect(await monitor.stop()).toBe(0);
      } finally {
        Bun.spawnSync(["umount", disk]);
      }
    },
  );

  testWith(
    ["binary", "root", "program:setpriv"],
    "a home that may not be written is an answer, not a crash",
    async () => {
      await using directory = await tmpdir();
      chmodSync(directory.path, 0o555);
      await using monitor = new Headless(directory.path, [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        BINARY_PATH,
      ]);
      await monitor.says(/recording stopped: .*cannot lock/);
      expect(monitor.isRunning).toBe(true);
      expect(await monitor.stop()).toBe(0);
      expect(readdirSync(directory.path)).toEqual([]);
    },
  );

  testWith(["binary"], "a damaged history is set aside, and said so", async () => {
    await using directory = await tmpdir();
    mkdirSync(join(directory.path, "wirebound"));
    writeFileSync(join(directory.path, "wirebound", "history.db"), "damaged ".repeat(2000));
    const refused = await wb(directory.path, "history");
    expect(refused.stderr).toContain("is damaged");
    expect(refused.exitCode).toBe(1);
    await using monitor = new Headless(directory.path);
    await monitor.says("the history was damaged: it was set aside as");
    expect(await monitor.stop()).toBe(0);
    const names = readdirSync(join(directory.path, "wirebound")).filter((name) => name.includes("corrupt"));
    expect(names.length).toBe(1);
  });
});
