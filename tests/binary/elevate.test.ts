/**
 * `wb monitor --elevate` as people start it: what it counts, its exit codes, every way of its ending, and that nothing is left
 * in the system: no process, no program in the kernel, no file.
 */
import { describe, expect } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { nobodysPlace } from "../support/as-nobody.ts";
import {
  helperBelow,
  isRunning,
  kernelObjectsOf,
  makeSudo,
  placesOf,
  waitUntilFreed,
  wordsOf,
  type KernelObjects,
} from "../support/elevated.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { runWb, wbEnvironment } from "../support/run-wb.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

const ROOT = ["binary", "root", "program:bpftool"] as const;

interface Row {
  readonly id: string;
  readonly protocol: string;
  readonly pid: number | null;
  readonly processName: string | null;
  readonly attribution: string;
  readonly localPort: number;
  readonly remotePort: number;
  readonly bytesSent: number | null;
  readonly bytesReceived: number | null;
  readonly uncertaintyBytes: number | null;
  readonly closed: boolean;
}

interface Document {
  readonly interrupted: boolean;
  readonly capture: {
    readonly method: string;
    readonly capabilities: Readonly<Record<string, unknown>>;
    readonly degradations: readonly { readonly code: string }[];
  };
  readonly loss: readonly unknown[];
  readonly rows: readonly Row[];
}

interface Running {
  readonly pid: number;
  readonly helper: number;
  readonly held: KernelObjects;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly exited: Promise<number>;
}

/** Starts a monitor and waits until its helper holds programs in the kernel. */
async function start(
  args: readonly string[],
  home: string,
  by: readonly string[] = [],
  env = {},
): Promise<Running> {
  const child = Bun.spawn([...by, BINARY_PATH, "monitor", "--no-history", "--no-dns", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: wbEnvironment({ home, env }),
  });
  const helper = await helperBelow(child.pid);
  const held = await waitFor("the helper to hold programs", async () => {
    const objects = await kernelObjectsOf(helper);
    return objects.programs.length > 5 && (await placesOf(helper)).length > 0 ? objects : undefined;
  });
  const { pid, stdout, stderr, exited } = child;
  return { pid, helper, held, stdout, stderr, exited };
}

/** No process, no program or map in the kernel, no directory. */
async function expectNothingLeft({ pid, helper, held }: Running): Promise<void> {
  await waitFor("monitor and helper to end", () => !isRunning(pid) && !isRunning(helper));
  await waitUntilFreed(held);
  expect(await placesOf(helper)).toEqual([]);
}

/** A UDP socket that takes whatever comes; resolves `received` by count of bytes. */
async function openSink(): Promise<{ port: number; received: () => number; close: () => void }> {
  let bytes = 0;
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (_socket, data) => {
        bytes += data.length;
      },
    },
  });
  return { port: socket.port, received: () => bytes, close: () => socket.close() };
}

/** A stream's lines as they come. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

describe("what it counts", () => {
  testWith(ROOT, "for the whole duration, of which the helper's start is no part", async () => {
    await using home = await tmpdir();
    const words = ["monitor", "--elevate", "--json", "--duration", "1s", "--no-history", "--no-dns"];
    const { stderr, stdout, code } = await runWb(words, { home: home.path });
    expect(wordsOf(stderr)).toBe("");
    const document = JSON.parse(stdout) as Document & { readonly durationMs: number };
    expect(document.durationMs).toBeGreaterThanOrEqual(950);
    expect(document.capture.method).toStartWith("ebpf_");
    expect(code).toBe(0);
  });

  testWith(ROOT, "UDP to the byte, also of a process that lives for a moment", async () => {
    await using home = await tmpdir();
    const sink = await openSink();
    const monitor = await start(
      ["--elevate", "--jsonl", "--duration", "120s", "--interval", "250ms"],
      home.path,
    );
    const rows: (Row & { type: string })[] = [];
    const sent = (): Row[] => rows.filter((row) => row.type === "closed" && row.remotePort === sink.port);
    // A socket that is not connected has a row per remote end beside its own.
    const received = (): number =>
      [...new Map(rows.map((row) => [row.id, row])).values()]
        .filter((row) => row.localPort === sink.port && row.pid === process.pid)
        .reduce((sum, row) => sum + (row.bytesReceived ?? 0), 0);
    let sender: number | undefined;
    let isOver = false;
    for await (const line of linesOf(monitor.stdout)) {
      const fact = JSON.parse(line) as Row & { type: string };
      if (fact.type === "sample" || fact.type === "closed") rows.push(fact);
      if (!isOver && sent().length > 0 && received() > 0) {
        isOver = true;
        process.kill(monitor.pid, "SIGINT");
      }
      if (fact.type !== "totals" || sender !== undefined) continue;
      const bash = Bun.spawn(["bash", "-c", `printf %01234d 0 > /dev/udp/127.0.0.1/${sink.port}`]);
      sender = bash.pid;
      await bash.exited;
    }
    expect(wordsOf(await new Response(monitor.stderr).text())).toBe("");
    expect(await monitor.exited).toBe(0);
    expect(sink.received()).toBe(1234);
    expect(sent()).toMatchObject([
      {
        protocol: "udp",
        pid: sender,
        attribution: "exact",
        bytesSent: 1234,
        bytesReceived: 0,
        uncertaintyBytes: 0,
      },
    ]);
    expect(received()).toBe(1234);
    sink.close();
    await expectNothingLeft(monitor);
  });

  testWith(ROOT, "--once: one sample, by the helper, and everything is gone", async () => {
    await using home = await tmpdir();
    const { stderr, stdout, code } = await runWb(["monitor", "--elevate", "--once", "--json", "--no-dns"], {
      home: home.path,
    });
    expect(wordsOf(stderr)).toBe("");
    const found = JSON.parse(stdout) as Document;
    expect(found.capture.method).toStartWith("ebpf_");
    expect(found.capture).toMatchObject({
      capabilities: { bytes: "all", closedConnections: true, processes: "all", namespaces: "all" },
      degradations: [],
    });
    expect(found.rows.length).toBeGreaterThan(0);
    expect(code).toBe(0);
  });
});

describe("its ends", () => {
  testWith(ROOT, "Ctrl-C: a document of the time so far, and nothing left", async () => {
    await using home = await tmpdir();
    // A session of its own, so that the whole process group can get the signal, as the terminal does it.
    const monitor = await start(["--elevate", "--json", "--duration", "60s"], home.path, ["setsid"]);
    process.kill(-monitor.pid, "SIGINT");
    const text = await new Response(monitor.stdout).text();
    expect(wordsOf(await new Response(monitor.stderr).text())).toBe("");
    const found = JSON.parse(text) as Document;
    expect(found.interrupted).toBe(true);
    expect(found.capture.method).toStartWith("ebpf_");
    expect(await monitor.exited).toBe(0);
    await expectNothingLeft(monitor);
  });

  testWith(ROOT, "a monitor that is killed takes its helper with it", async () => {
    await using home = await tmpdir();
    const monitor = await start(["--elevate", "--json", "--duration", "60s"], home.path);
    process.kill(monitor.pid, "SIGKILL");
    await expectNothingLeft(monitor);
  });

  testWith(ROOT, "a helper that is killed is told, and started again", async () => {
    await using home = await tmpdir();
    const monitor = await start(
      ["--elevate", "--jsonl", "--duration", "170s", "--interval", "200ms"],
      home.path,
    );
    const seen: string[] = [];
    let killed = false;
    for await (const line of linesOf(monitor.stdout)) {
      const fact = JSON.parse(line) as { type: string; capture?: Document["capture"] };
      if (fact.type === "totals" && !killed) {
        killed = true;
        process.kill(monitor.helper, "SIGKILL");
      }
      if (fact.capture === undefined) continue;
      const { method, degradations } = fact.capture;
      const now = degradations.some(({ code }) => code === "helper_gone")
        ? "gone"
        : method.replace(/_.*/, "");
      if (now !== seen.at(-1)) seen.push(now);
      if (seen.length === 3) process.kill(monitor.pid, "SIGINT");
    }
    expect(seen).toEqual(["ebpf", "gone", "ebpf"]);
    expect(await monitor.exited).toBe(0);
    await expectNothingLeft(monitor);
  });
});

describe("who may", () => {
  testWith([...ROOT, "program:setpriv"], "an ordinary user without sudo ends with exit code 4", async () => {
    await using place = await nobodysPlace();
    const wb = await place.install(BINARY_PATH, "wb");
    // --no-new-privs of the command: no program could make it root.
    const child = Bun.spawn(place.command(wb, "monitor", "--elevate", "--once"), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: wbEnvironment({ home: place.path }),
    });
    expect(await child.stderr.text()).toBe(
      "wb: the elevated helper can't be started: this process may not gain privileges\n" +
        "hint: It runs with no_new_privs (a container or a service): run the helper outside, as a service: docs/helper.md\n",
    );
    expect(await child.stdout.text()).toBe("");
    expect(await child.exited).toBe(4);
  });

  const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

  testWith(
    [...ROOT, "program:setpriv", "program:cc"],
    "by sudo, with nothing of a hostile environment",
    async () => {
      await using tools = await tmpdir();
      await makeSudo(tools.path);
      await using place = await nobodysPlace();
      const wb = await place.install(BINARY_PATH, "wb");
      const hostile = {
        LD_PRELOAD: "/nonexistent/evil.so",
        LD_LIBRARY_PATH: place.path,
        LD_AUDIT: "/nonexistent/audit.so",
        GLIBC_TUNABLES: "glibc.malloc.check=1",
        BUN_OPTIONS: "--smol",
        NODE_OPTIONS: "--trace-warnings",
        BUN_INSPECT: "",
        TMPDIR: place.path,
        XDG_RUNTIME_DIR: place.path,
      };
      const child = Bun.spawn(
        [...NOBODY, wb, "monitor", "--elevate", "--jsonl", "--duration", "60s", "--no-history", "--no-dns"],
        {
          stdin: "ignore",
          stdout: "pipe",
          stderr: "ignore", // the loader's word on LD_PRELOAD is in it
          env: {
            ...wbEnvironment({ home: place.path }),
            PATH: `${tools.path}:${process.env["PATH"]}`,
            ...hostile,
          },
        },
      );
      const helper = await helperBelow(child.pid);
      for await (const line of linesOf(child.stdout)) {
        const fact = JSON.parse(line) as { type: string; capture: Document["capture"] };
        expect(fact).toMatchObject({ type: "start", capture: { degradations: [] } });
        expect(fact.capture.method).toStartWith("ebpf_");
        break;
      }
      const environment = (await readFile(`/proc/${helper}/environ`, "utf8")).split("\0").filter(Boolean);
      const names = environment.map((entry) => entry.split("=")[0]);
      // The last one is the helper's own: it starts itself once more with it, to be smaller.
      expect(new Set(names)).toEqual(new Set(["PATH", "XDG_RUNTIME_DIR", "BUN_JSC_useDFGJIT"]));
      expect(environment).toContain("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
      expect(await readFile(`/proc/${helper}/status`, "utf8")).toMatch(/^Uid:\t0\t/m);
      // The secret is in no argument: they are these.
      const words = (await readFile(`/proc/${helper}/cmdline`, "utf8")).split("\0").filter(Boolean);
      expect(words).toEqual([wb, "helper", "--elevated", "--launched"]);
      child.kill("SIGKILL");
      await child.exited;
      await waitFor("the helper to end", () => !isRunning(helper));
      expect(await placesOf(helper)).toEqual([]);
    },
  );
});

describe("methods", () => {
  testWith(["binary"], "a method that needs the helper is refused without it", async () => {
    await using home = await tmpdir();
    const forced = { home: home.path, env: { WB_CAPTURE_METHOD: "ebpf_tracepoint" } };
    const { stderr, stdout, code } = await runWb(["monitor", "--once", "--no-helper"], forced);
    expect(stderr).toBe(
      "wb: WB_CAPTURE_METHOD is ebpf_tracepoint, which needs the elevated helper\n" +
        "hint: Let wb start it: wb monitor --elevate\n",
    );
    expect([stdout, code]).toEqual(["", 4]);
  });

  testWith(["binary", "root"], "a method that needs none is refused with it", async () => {
    await using home = await tmpdir();
    const forced = { home: home.path, env: { WB_CAPTURE_METHOD: "procfs" } };
    const { stderr, code } = await runWb(["monitor", "--once", "--elevate"], forced);
    expect(stderr).toStartWith("wb: WB_CAPTURE_METHOD is procfs, which needs no elevated helper\nhint: ");
    expect(code).toBe(2);
    expect(existsSync(join(home.path, ".local"))).toBe(false);
  });
});
