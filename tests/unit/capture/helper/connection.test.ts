/** The client's end of the connection: whom it believes, how long it waits, and what it takes for an answer. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { HelperConnection } from "../../../../src/capture/helper/connection.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { WbError } from "../../../../src/model/errors.ts";
import { unixTransport } from "../../../../src/platform/unix-transport.ts";
import type { ProcessEventsFrame } from "../../../../src/protocol/helper/messages.ts";
import { SECRET, serveHelper, serveScript, type Script } from "../../../support/fake-helper.ts";
import { tmpdir } from "../../../support/tmpdir.ts";
import { waitFor } from "../../../support/wait-for.ts";

interface Told {
  readonly events: ProcessEventsFrame[];
  readonly closed: WbError[];
}

/** Longer than any answer takes on a busy machine. */
const PATIENCE_MS = 20_000;
/** Of who is not answered. */
const SHORT_MS = 300;

async function connect(
  directory: string,
  secret = SECRET,
  told: Told = { events: [], closed: [] },
  handshakeMsMax = PATIENCE_MS,
): Promise<HelperConnection> {
  return await HelperConnection.open({
    transport: unixTransport,
    address: { socketPath: join(directory, "helper.sock"), secret },
    clock: systemClock,
    handshakeMsMax,
    onEvents: (frame) => told.events.push(frame),
    onClosed: (reason) => told.closed.push(reason),
  });
}

/** The error of connecting to, or asking, a helper that does as the script says. */
async function errorOf(script: Script, patienceMs = PATIENCE_MS): Promise<WbError> {
  await using directory = await tmpdir();
  await using _listener = await serveScript(directory.path, script);
  try {
    const handshakeMsMax = script.challenge === undefined ? PATIENCE_MS : patienceMs;
    using connection = await connect(directory.path, SECRET, undefined, handshakeMsMax);
    await connection.ask({ type: "heartbeat" }, patienceMs);
  } catch (error) {
    if (error instanceof WbError) return error;
    throw error;
  }
  throw new Error("nothing went wrong");
}

describe("a connection", () => {
  test("to the helper's own server asks and is answered", async () => {
    await using directory = await tmpdir();
    await using helper = await serveHelper(directory.path);
    using connection = await connect(directory.path);
    const status = await connection.ask({ type: "status" }, PATIENCE_MS);
    expect([status.method, status.programs, status.sessions]).toEqual(["ebpf_tracepoint", ["a_program"], 1]);
    const answers = await Promise.all([
      connection.ask({ type: "heartbeat" }, PATIENCE_MS),
      connection.ask({ type: "processStats", pids: [1] }, PATIENCE_MS),
      connection.ask({ type: "connectionStats", sinceNs: 0 }, PATIENCE_MS),
    ]);
    expect(answers.map(({ type }) => type)).toEqual(["heartbeat", "processStats", "connectionStats"]);
    expect(helper.log.some((line) => line.includes("session opened"))).toBe(true);
  });

  test("takes events as they come, once it gave credits", async () => {
    await using directory = await tmpdir();
    await using helper = await serveHelper(directory.path);
    const told: Told = { events: [], closed: [] };
    using connection = await connect(directory.path, SECRET, told);
    connection.giveCredits(2);
    helper.source.records = { events: new Uint8Array([1]), names: new Uint8Array([2]) };
    await waitFor("the events", () => told.events.length > 0);
    expect([...(told.events[0]?.events ?? []), ...(told.events[0]?.names ?? [])]).toEqual([1, 2]);
  });

  test("waits as long as it is told to where it asked too often", async () => {
    await using directory = await tmpdir();
    await using _helper = await serveHelper(directory.path);
    using connection = await connect(directory.path);
    const answers = await Promise.all(
      Array.from({ length: 110 }, () => connection.ask({ type: "heartbeat" }, PATIENCE_MS)),
    );
    expect(answers).toHaveLength(110);
  });

  test("tells once when the helper goes", async () => {
    await using directory = await tmpdir();
    const helper = await serveHelper(directory.path);
    const told: Told = { events: [], closed: [] };
    using connection = await connect(directory.path, SECRET, told);
    await helper[Symbol.asyncDispose]();
    await waitFor("the end", () => told.closed.length > 0);
    expect([told.closed.length, told.closed[0]?.code, connection.isOpen]).toEqual([1, "unavailable", false]);
  });

  test("tells why where the helper ends it without having been asked", async () => {
    await using directory = await tmpdir();
    const why = { type: "error", id: 0, code: "too_many_sessions", retryAfterMs: undefined } as const;
    await using _listener = await serveScript(directory.path, {
      answer: ({ id }, say) => {
        say({ type: "heartbeat", id, timeNs: 1 });
        say({ ...why, message: "another user needs one of your sessions" });
      },
    });
    const told: Told = { events: [], closed: [] };
    using connection = await connect(directory.path, SECRET, told);
    await connection.ask({ type: "heartbeat" }, PATIENCE_MS);
    const [reason] = await waitFor("the end", () => told.closed.length > 0 && told.closed);
    expect([reason?.code, reason?.message]).toEqual([
      "unavailable",
      "the elevated helper: another user needs one of your sessions",
    ]);
  });
});

describe("nobody is believed who", () => {
  test("doesn't know the secret", async () => {
    const error = await errorOf({ secret: new Uint8Array(32).fill(8) });
    expect([error.code, error.message]).toEqual([
      "permission",
      "what listens there is not the elevated helper: it doesn't know the secret",
    ]);
  });

  test("doesn't believe us", async () => {
    await using directory = await tmpdir();
    await using helper = await serveHelper(directory.path, { secret: new Uint8Array(32).fill(9) });
    const error: unknown = await connect(directory.path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WbError);
    expect((error as WbError).code).toBe("permission");
    expect(helper.log.some((line) => line.includes("reason=secret"))).toBe(true);
  });

  test("says to be another process than the kernel says", async () => {
    const error = await errorOf({ challenge: (usual) => ({ ...usual, pid: 1 }) });
    expect([error.code, error.message]).toEqual([
      "permission",
      "what listens there is not the elevated helper: it is another process than it says",
    ]);
  });

  test("speaks another version", async () => {
    const error = await errorOf({ challenge: (usual) => ({ ...usual, version: 2 }) });
    expect(error.code).toBe("unsupported");
  });

  test("says nothing, in time", async () => {
    const beganMs = performance.now();
    const error = await errorOf({ challenge: () => undefined }, SHORT_MS);
    expect([error.code, error.message]).toEqual([
      "unavailable",
      "the elevated helper doesn't answer (challenge)",
    ]);
    expect(performance.now() - beganMs).toBeLessThan(PATIENCE_MS / 2);
  });
});

test("an answer that came while this program was held up is taken", async () => {
  await using directory = await tmpdir();
  await using _listener = await serveScript(directory.path, {
    answer: ({ id }, say) => {
      say({ type: "heartbeat", id, timeNs: 7 });
      Bun.sleepSync(2 * SHORT_MS); // nobody here has read it, and its time is over
    },
  });
  using connection = await connect(directory.path);
  expect(await connection.ask({ type: "heartbeat" }, SHORT_MS)).toMatchObject({ timeNs: 7 });
});

describe("no answer is", () => {
  test("none at all, in time", async () => {
    const error = await errorOf({ answer: () => undefined }, SHORT_MS);
    expect(error.message).toBe("the elevated helper doesn't answer (heartbeat)");
  });

  test("one of another kind", async () => {
    const error = await errorOf({
      answer: ({ id }, say) => say({ type: "processStats", id, processes: [] }),
    });
    expect(error.code).toBe("protocol");
  });

  test("one to another question", async () => {
    const error = await errorOf({
      answer: ({ id }, say) => say({ type: "heartbeat", id: id + 1, timeNs: 1 }),
    });
    expect(error.code).toBe("protocol");
  });

  test("events that nobody asked for", async () => {
    const nothing = new Uint8Array(0);
    const error = await errorOf({
      answer: ({ id }, say) =>
        say({ type: "processEvents", id, events: nothing, names: nothing, droppedEvents: 0 }),
    });
    expect(error.code).toBe("protocol");
  });

  test("bytes without meaning", async () => {
    const error = await errorOf({ answer: (_, say) => say(new Uint8Array([1, 2, 3])) });
    expect(error.code).toBe("protocol");
  });

  test("an error, which says what it means", async () => {
    const refuse = {
      type: "error",
      code: "unavailable",
      message: "out of order",
      retryAfterMs: undefined,
    } as const;
    const error = await errorOf({ answer: ({ id }, say) => say({ ...refuse, id }) });
    expect([error.code, error.message]).toEqual(["unavailable", "the elevated helper: out of order"]);
  });
});

test("nobody listens", async () => {
  await using directory = await tmpdir();
  const error: unknown = await connect(directory.path).catch((reason: unknown) => reason);
  expect((error as WbError).code).toBe("unavailable");
});
