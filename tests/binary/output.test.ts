/** What the compiled binary prints: real documents hold to the published schema, nothing is cut off, readers may go away. */
import { describe, expect } from "bun:test";
import { join } from "node:path";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { runWb, wbEnvironment } from "../support/run-wb.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

type Row = Record<string, unknown>;
interface Document {
  readonly version: number;
  readonly interrupted: boolean;
  readonly durationMs: number;
  readonly capture: { readonly method: string };
  readonly matched: number;
  readonly rows: readonly Row[];
}

const SCHEMA_URL = new URL("../../docs/monitor.schema.json", import.meta.url);
const published = (await Bun.file(SCHEMA_URL).json()) as Record<string, unknown>;
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
const validDocument = ajv.compile(published);
const validLine = ajv.compile({ $defs: published["$defs"], $ref: "#/$defs/line" });

function expectValid(validate: ValidateFunction, value: unknown): void {
  validate(value);
  expect(validate.errors ?? []).toEqual([]);
}

function parsed(text: string): Document {
  const value = JSON.parse(text) as Document;
  expectValid(validDocument, value);
  return value;
}

function linesOf(text: string): Row[] {
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
}

describe("json", () => {
  testWith(
    ["binary"],
    "this machine: a real document holds to the schema and has a connection of ours",
    async () => {
      await using home = await tmpdir();
      using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const { stderr, stdout, code } = await runWb(["monitor", "--once", "--json", "--no-dns"], {
        home: home.path,
      });
      expect([stderr, code]).toEqual(["", 0]);
      const { rows, capture, version } = parsed(stdout);
      expect([version, ["sock_diag", "procfs"].includes(capture.method)]).toEqual([1, true]);
      const ours = rows.filter((row) => row["localPort"] === server.port);
      expect(ours.map((row) => [row["pid"], row["state"], row["protocol"], row["localAddress"]])).toEqual([
        [process.pid, "listen", "tcp", "127.0.0.1"],
      ]);
    },
  );

  testWith(["binary"], "every grouping holds to the schema", async () => {
    for (const by of ["connection", "process", "address", "host", "user", "port", "interface"]) {
      const { stderr, stdout, code } = await runWb([
        "monitor",
        "--demo",
        "--json",
        "--by",
        by,
        "--duration",
        "250ms",
        "--interval",
        "100ms",
      ]);
      expect([by, stderr, code]).toEqual([by, "", 0]);
      const { rows, matched } = parsed(stdout);
      expect([by, rows.length]).toEqual([by, matched]);
      expect(rows.length).toBeGreaterThan(0);
    }
  });

  testWith(["binary"], "filter, sort and limit", async () => {
    const { stdout } = await runWb([
      "monitor",
      "--demo",
      "--json",
      "--filter",
      "proto:tcp port:443",
      "--sort",
      "bytesReceived",
      "--limit",
      "3",
    ]);
    const { rows, matched } = parsed(stdout);
    expect(rows).toHaveLength(3);
    expect(matched).toBeGreaterThan(3);
    const received = rows.map((row) => row["bytesReceived"] as number);
    expect(received).toEqual(received.toSorted((left, right) => right - left));
    expect(
      rows.every(
        (row) => row["protocol"] === "tcp" && (row["remotePort"] === 443 || row["localPort"] === 443),
      ),
    ).toBe(true);
  });

  testWith(
    ["binary"],
    "a duration: every connection once, the interrupted one says so and exits 0",
    async () => {
      const whole = await runWb(["monitor", "--demo", "--json", "--duration", "1s", "--interval", "100ms"]);
      expect([whole.stderr, whole.code]).toEqual(["", 0]);
      const { rows, interrupted, durationMs } = parsed(whole.stdout);
      expect(new Set(rows.map((row) => row["id"])).size).toBe(rows.length);
      expect([interrupted, durationMs >= 1000, durationMs < 60_000]).toEqual([false, true, true]);
      const child = Bun.spawn(
        [BINARY_PATH, "monitor", "--demo", "--json", "--duration", "1h", "--interval", "100ms"],
        {
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe",
          env: wbEnvironment(),
        },
      );
      await listensToSignals(child.pid);
      child.kill("SIGINT");
      const [stdout, stderr, code] = await Promise.all([
        child.stdout.text(),
        child.stderr.text(),
        child.exited,
      ]);
      expect([stderr, code]).toEqual(["", 0]);
      expect(parsed(stdout).interrupted).toBe(true);
    },
  );
});

/** Resolves when the process catches SIGINT (bit 2 of SigCgt in /proc/PID/status). */
async function listensToSignals(pid: number): Promise<void> {
  await waitFor("a handler of SIGINT", async () => {
    const status = await Bun.file(`/proc/${pid}/status`).text();
    return (Number.parseInt(/SigCgt:\s*(\w+)/.exec(status)?.[1]?.slice(-2) ?? "0", 16) & 2) !== 0;
  });
}

describe("jsonl", () => {
  testWith(["binary"], "a complete stream holds to the schema, each closed connection once", async () => {
    const { stderr, stdout, code } = await runWb([
      "monitor",
      "--demo",
      "--jsonl",
      "--duration",
      "2s",
      "--interval",
      "100ms",
      "--demo-connections",
      "200",
    ]);
    expect([stderr, code]).toEqual(["", 0]);
    const lines = linesOf(stdout);
    for (const line of lines) expectValid(validLine, line);
    expect([lines[0]?.["type"], lines.at(-1)?.["type"], lines.at(-1)?.["reason"]]).toEqual([
      "start",
      "end",
      "duration",
    ]);
    const closed = lines.filter((line) => line["type"] === "closed").map((line) => line["id"]);
    expect(closed.length).toBeGreaterThan(0);
    expect(new Set(closed).size).toBe(closed.length);
    expect(lines.filter((line) => line["type"] === "totals")).toHaveLength(
      lines.at(-1)?.["samples"] as number,
    );
  });

  testWith(["binary"], "once", async () => {
    const lines = linesOf((await runWb(["monitor", "--demo", "--jsonl", "--once"])).stdout);
    expect(lines.at(-1)).toMatchObject({ type: "end", samples: 1, reason: "once" });
  });

  testWith(["binary"], "a reader that goes away ends it silently", async () => {
    const command = `"$0" monitor --demo --jsonl --interval 100ms | head -n 3; echo "codes \${PIPESTATUS[*]}"`;
    const child = Bun.spawn(["bash", "-c", command, BINARY_PATH], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: wbEnvironment(),
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect([stderr, stdout.trimEnd().split("\n").at(-1)]).toEqual(["", "codes 0 0"]);
  });

  testWith(["binary"], "SIGTERM ends it in order: the last line says so", async () => {
    const child = Bun.spawn([BINARY_PATH, "monitor", "--demo", "--jsonl", "--interval", "100ms"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: wbEnvironment(),
    });
    const output = child.stdout.text();
    await listensToSignals(child.pid);
    child.kill("SIGTERM");
    const [stdout, stderr, code] = await Promise.all([output, child.stderr.text(), child.exited]);
    expect([stderr, code, linesOf(stdout).at(-1)?.["reason"]]).toEqual(["", 0, "signal"]);
  });
});

/** Sends so many bytes to a server of ours and closes; resolves with both ends' ports when both are closed. */
async function exchange(
  sentBytes: number,
  answeredBytes: number,
): Promise<{ client: number; server: number }> {
  const done = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const ports = { client: 0, server: 0 };
  let received = 0;
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, chunk) {
        received += chunk.length;
        if (received === sentBytes) socket.end(new Uint8Array(answeredBytes));
      },
      close() {
        done[1].resolve();
      },
    },
  });
  ports.server = server.port;
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: {
      data() {},
      close() {
        done[0].resolve();
      },
    },
  });
  ports.client = client.localPort;
  client.write(new Uint8Array(sentBytes));
  await Promise.all(done.map(({ promise }) => promise));
  return ports;
}

describe("real connections", () => {
  testWith(
    ["binary"],
    "one that lives between two samples is told once for each end, with exactly its bytes",
    async () => {
      await using home = await tmpdir();
      const child = Bun.spawn([BINARY_PATH, "monitor", "--jsonl", "--no-dns", "--no-history"], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        env: wbEnvironment({ home: home.path }),
      });
      let text = "";
      const reading = (async () => {
        const decoder = new TextDecoder();
        for await (const chunk of child.stdout) text += decoder.decode(chunk, { stream: true });
      })();
      await waitFor("the first sample", () => text.includes('"type":"totals"'));
      const { client, server } = await exchange(12_345, 6789);
      child.kill("SIGINT");
      await reading;
      expect([await child.stderr.text(), await child.exited]).toEqual(["", 0]);
      const lines = linesOf(text);
      const [start = {}] = lines;
      const { capabilities } = start["capture"] as {
        capabilities: { bytes: string; closedConnections: boolean };
      };
      if (capabilities.bytes === "none" || !capabilities.closedConnections) {
        console.error("SKIP the rest: this machine tells no final counters");
        return;
      }
      const ends = lines.filter(
        (line) => line["type"] === "closed" && [line["localPort"], line["remotePort"]].includes(client),
      );
      const told = ends.map((line) => [
        line["localPort"],
        line["bytesSent"],
        line["bytesReceived"],
        line["uncertaintyBytes"],
      ]);
      expect(
        told.toSorted((left, right) => Number(left[0] === client) - Number(right[0] === client)),
      ).toEqual([
        [server, 6789, 12_345, 0],
        [client, 12_345, 6789, 0],
      ]);
    },
  );
});

describe("csv and table", () => {
  testWith(["binary"], "csv has a header and as many cells in every line", async () => {
    const { stderr, stdout, code } = await runWb(["monitor", "--demo", "--csv", "--by", "process"]);
    expect([stderr, code, stdout.endsWith("\r\n")]).toEqual(["", 0, true]);
    const lines = stdout.trimEnd().split("\r\n");
    expect(lines[0]).toStartWith("key,label,pid,processName,");
    expect(lines.length).toBeGreaterThan(3);
  });

  testWith(["binary"], "a pipe gets one table, words on standard error, no escape codes", async () => {
    const { stderr, stdout, code } = await runWb(["monitor", "--demo"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^PROCESS +PID +USER +PROTO +LOCAL +REMOTE +STATE +SENT +RECEIVED$/);
    expect(lines.length).toBeGreaterThan(10);
    expect(stderr).toContain("captured by simulated");
    // eslint-disable-next-line no-control-regex -- no escape codes without a terminal
    expect([code, /\u001b/.test(stdout + stderr)]).toEqual([0, false]);
  });
});

/** A shell command whose standard input is the binary's standard output, and the binary's exit code. */
async function through(
  command: string,
  args: readonly string[],
): Promise<{ result: string; code: string; stderr: string }> {
  await using directory = await tmpdir();
  const codeFile = join(directory.path, "code");
  const script = `{ "$0" "$@"; echo $? > '${codeFile}'; } | { ${command}; }`;
  const child = Bun.spawn(["bash", "-c", script, BINARY_PATH, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: wbEnvironment(),
  });
  const [result, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { result, stderr, code: (await Bun.file(codeFile).text()).trim() };
}

describe("large output", () => {
  const CONNECTIONS = 20_000;
  const LARGE = ["monitor", "--demo", "--json", "--demo-connections", String(CONNECTIONS)];

  /** On a machine that is slow at it some connections end and others begin meanwhile. */
  function expectWhole({ rows, matched }: Document): void {
    expect(rows).toHaveLength(matched);
    expect(matched).toBeGreaterThanOrEqual(CONNECTIONS);
  }

  testWith(["binary"], "a slow reader gets all of more than 10 MB", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "out.json");
    // Reads so small that the pipe is full most of the time.
    const slowly = `dd bs=997 status=none of='${path}'`;
    const { stderr, code } = await through(slowly, LARGE);
    expect([stderr, code]).toEqual(["", "0"]);
    const text = await Bun.file(path).text();
    expect(text.length).toBeGreaterThan(10_000_000);
    const value = JSON.parse(text) as Document;
    expectWhole(value);
  });

  testWith(["binary"], "a file that is appended to, and a non-blocking pipe, get all of it too", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "out.json");
    await Bun.write(path, "before\n");
    const appended = Bun.spawn(["bash", "-c", `"$0" "$@" >> '${path}'`, BINARY_PATH, ...LARGE], {
      stdin: "ignore",
      stderr: "pipe",
      env: wbEnvironment(),
    });
    expect([await appended.stderr.text(), await appended.exited]).toEqual(["", 0]);
    const text = await Bun.file(path).text();
    expect(text.startsWith('before\n{"version":1,')).toBe(true);
    expectWhole(JSON.parse(text.slice("before\n".length)) as Document);
    const nonBlocking = `exec python3 -c 'import os,sys,fcntl; fcntl.fcntl(1,fcntl.F_SETFL,fcntl.fcntl(1,fcntl.F_GETFL)|os.O_NONBLOCK); os.execv(sys.argv[1],sys.argv[1:])' "$0" "$@"`;
    if (Bun.which("python3") !== null) {
      const child = Bun.spawn(["bash", "-c", `( ${nonBlocking} ) | cat`, BINARY_PATH, ...LARGE], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        env: wbEnvironment(),
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect(stderr).toBe("");
      expectWhole(JSON.parse(stdout) as Document);
    }
  });

  testWith(["binary"], "a full disk is an error with a hint, a closed pipe is none", async () => {
    const full = Bun.spawn(["bash", "-c", '"$0" "$@" > /dev/full', BINARY_PATH, ...LARGE], {
      stdin: "ignore",
      stderr: "pipe",
      env: wbEnvironment(),
    });
    expect([await full.stderr.text(), await full.exited]).toEqual([
      "wb: cannot write to standard output: no space left on the device\nhint: free some space, or write somewhere else\n",
      1,
    ]);
    const { result, stderr, code } = await through("head -c 9", LARGE);
    expect([stderr, result, code]).toEqual(["", '{"version', "0"]);
  });
});
