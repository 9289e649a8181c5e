/**
 * The real helper killed, stopped and started again under a running capture: the rows go on under their names, TCP stays
 * exact to the byte, UDP says where it is not, nothing goes back, and the state is told.
 */
import { createSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { expect } from "bun:test";
import { openCapture } from "../../src/capture/open.ts";
import { FlowTable } from "../../src/engine/flow-table.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Capture } from "../../src/model/contracts.ts";
import type { Flow, Snapshot } from "../../src/model/snapshot.ts";
import { HelperProcess } from "../support/helper-process.ts";
import { testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

/** Both ends of a TCP connection and of a UDP one, on this machine; all that is sent is received. */
class Traffic implements AsyncDisposable {
  sent = 0;
  datagrams = 0;
  received = 0;
  readonly #server = createServer();
  readonly #sink = createSocket("udp4");
  readonly #source = createSocket("udp4");
  #datagramsReceived = 0;
  #client: Socket | undefined;
  port = 0;
  datagramPort = 0;

  async start(): Promise<void> {
    this.#server.on("connection", (socket) => {
      socket.on("data", (chunk) => {
        this.received += chunk.length;
      });
    });
    this.#sink.on("message", (message) => {
      this.#datagramsReceived += message.length;
    });
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    await new Promise<void>((resolve) => this.#sink.bind(0, "127.0.0.1", resolve));
    await new Promise<void>((resolve) =>
      this.#source.connect(this.#sink.address().port, "127.0.0.1", resolve),
    );
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const client = connect(address.port, "127.0.0.1");
    await new Promise<void>((resolve) => client.once("connect", resolve));
    this.port = client.localPort ?? 0;
    this.datagramPort = this.#source.address().port;
    this.#client = client;
  }

  /** Until it has arrived. */
  async send(bytes: number): Promise<void> {
    this.sent += bytes;
    this.datagrams += 100;
    this.#client?.write(new Uint8Array(bytes));
    this.#source.send(new Uint8Array(100));
    await waitFor(
      "what was sent",
      () => this.received === this.sent && this.#datagramsReceived === this.datagrams,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.destroy();
    this.#source.close();
    this.#sink.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Takes samples, and holds each against the one before. */
class Watch {
  readonly #capture: Capture;
  readonly #table = new FlowTable({ clock: systemClock });
  readonly #before = new Map<string, Flow>();
  #totalSent = 0;

  constructor(capture: Capture) {
    this.#capture = capture;
  }

  async sample(): Promise<Snapshot> {
    const snapshot = this.#table.ingest(await this.#capture.sample(), this.#capture.status());
    expect(snapshot.totals.bytesSent).toBeGreaterThanOrEqual(this.#totalSent);
    this.#totalSent = snapshot.totals.bytesSent;
    const wentBack: unknown[] = [];
    for (const flow of snapshot.flows) {
      const { bytesSent: sent = 0, bytesReceived: received = 0 } = flow;
      const earlier = this.#before.get(flow.id);
      if (sent < (earlier?.bytesSent ?? 0) || received < (earlier?.bytesReceived ?? 0))
        wentBack.push({ method: snapshot.capture.method, earlier, flow });
      this.#before.set(flow.id, flow);
    }
    expect(wentBack).toEqual([]);
    return snapshot;
  }

  async until(what: string, method: string): Promise<Snapshot> {
    return await waitFor(
      what,
      async () => {
        const snapshot = await this.sample();
        return snapshot.capture.method.startsWith(method) && snapshot;
      },
      90_000,
    );
  }
}

function clientOf({ flows }: Snapshot, traffic: Traffic): Flow | undefined {
  return flows.find(({ protocol, localPort }) => protocol === "tcp" && localPort === traffic.port);
}

function datagramsOf({ flows }: Snapshot, traffic: Traffic): Flow | undefined {
  return flows.find(({ protocol, localPort }) => protocol === "udp" && localPort === traffic.datagramPort);
}

/** The client's row: its TCP bytes, their uncertainty, and who sent them. */
function brief(flow: Flow | undefined): unknown[] {
  return [flow?.bytesSent, flow?.uncertaintyBytes, flow?.process?.pid];
}

testWith(
  ["root", "program:clang", "program:llvm-strip"],
  "helper killed, started again, stopped, and let go on",
  async () => {
    await using directory = await tmpdir();
    const first = await HelperProcess.start({ directory: directory.path });
    expect(first.log.join("\n")).toContain("started");
    await using _first = first;
    const { socketPath, secretPath } = first;
    await using capture = await openCapture({ helper: { use: "service", socketPath, secretPath } });
    const watch = new Watch(capture);
    await watch.sample();
    expect(capture.status().method).toStartWith("ebpf_");
    await using traffic = new Traffic();
    await traffic.start();

    await traffic.send(10_000);
    const counted = await waitFor("the helper's count", async () => {
      const snapshot = await watch.sample();
      const isCounted = datagramsOf(snapshot, traffic)?.bytesSent === traffic.datagrams;
      return isCounted && clientOf(snapshot, traffic)?.bytesSent === traffic.sent && snapshot;
    });
    expect(brief(clientOf(counted, traffic))).toEqual([10_000, 0, process.pid]);
    expect(brief(datagramsOf(counted, traffic))).toEqual([100, 0, process.pid]);
    const { id } = clientOf(counted, traffic) ?? { id: "" };

    await first.end("SIGKILL");
    await traffic.send(5000);
    const away = await watch.until("the other capture", "sock_diag");
    expect(brief(clientOf(away, traffic))).toEqual([15_000, 0, process.pid]);
    expect(brief(datagramsOf(away, traffic))).toEqual([100, undefined, process.pid]);
    expect(clientOf(away, traffic)?.id).toBe(id);
    expect(away.capture.degradations[0]?.code).toBe("helper_gone");
    expect(away.loss.find(({ cause }) => cause === "helper_interrupted")?.count).toBe(1);

    await using second = await HelperProcess.start({ directory: directory.path });
    await watch.until("the helper to be back", "ebpf_");
    await traffic.send(2000);
    const back = await waitFor("the new helper's count", async () => {
      const snapshot = await watch.sample();
      return clientOf(snapshot, traffic)?.bytesSent === traffic.sent && snapshot;
    });
    expect(brief(clientOf(back, traffic))).toEqual([17_000, 0, process.pid]);
    expect(clientOf(back, traffic)?.observedBytesSent).toBe(17_000);
    // A hundred bytes went by while nobody counted.
    expect(brief(datagramsOf(back, traffic))).toEqual([200, undefined, process.pid]);
    expect(back.capture.degradations.map(({ code }) => code)).not.toContain("helper_gone");

    process.kill(second.pid, "SIGSTOP");
    // Before it is told to end: what is stopped doesn't.
    using _running = { [Symbol.dispose]: () => process.kill(second.pid, "SIGCONT") };
    const beganMs = performance.now();
    const stopped = await watch.until("the other capture", "sock_diag");
    expect(performance.now() - beganMs).toBeLessThan(15_000);
    await traffic.send(300);
    expect(brief(clientOf(await watch.sample(), traffic))).toEqual([17_300, 0, process.pid]);
    expect(stopped.capture.degradations[0]?.code).toBe("helper_gone");
    process.kill(second.pid, "SIGCONT");
    const again = await watch.until("the helper to go on", "ebpf_");
    // It counted on while it was not asked: nothing is missing.
    expect(brief(clientOf(again, traffic))).toEqual([17_300, 0, process.pid]);
    expect(datagramsOf(again, traffic)?.bytesSent).toBe(300);
    expect(again.totals.bytesSent).toBeGreaterThanOrEqual(17_300);
  },
  600_000,
);
