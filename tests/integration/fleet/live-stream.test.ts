/** The live stream over real HTTP: events, resume, keep-alive, permission, places, and a client that stops reading. */
import { describe, expect, test } from "bun:test";
import { connect, type TLSSocket } from "node:tls";
import type { LiveEvent, Role } from "../../../src/model/fleet.ts";
import { TestParent, type ParentOptions } from "../../support/fleet/parent.ts";
import { waitFor } from "../../support/wait-for.ts";

/** One whose keys are made, and all are told of that: what comes after it is the test's. */
async function quietParent(options: ParentOptions = {}): Promise<TestParent> {
  const parent = await TestParent.start(options);
  const over = new AbortController();
  const filter = (each: LiveEvent): boolean => each.type === "audit" && each.entry.actor === "key:local";
  const told = parent.context.bus.subscribe({ filter, queueMax: 10 }, over.signal);
  const roles = ["viewer", "operator", "admin"] as const;
  for (const role of roles) await parent.key(role);
  let left: number = roles.length;
  for await (const _ of told) {
    left -= 1;
    if (left === 0) over.abort();
  }
  await waitFor("its own place to be free", () => parent.context.bus.subscribers === 0);
  return parent;
}

async function bearer(parent: TestParent, role: Role = "viewer"): Promise<string> {
  return `Bearer ${(await parent.key(role)).key}`;
}

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** A subscriber that reads: what it was told, and the comments in between. */
class Reader implements AsyncDisposable {
  readonly told: Told[] = [];
  readonly comments: string[] = [];
  lastId = "";
  isEnded = false;
  readonly status: number;
  readonly #ending: AbortController;

  private constructor(response: Response, ending: AbortController) {
    this.status = response.status;
    this.#ending = ending;
    void this.#read(response);
  }

  static async open(parent: TestParent, path: string, headers: Record<string, string> = {}): Promise<Reader> {
    const ending = new AbortController();
    const response = await parent.fetch(path, {
      headers: { authorization: await bearer(parent), ...headers },
      signal: ending.signal,
    });
    return new Reader(response, ending);
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          this.#block(text.slice(0, end));
          text = text.slice(end + 2);
        }
      }
    } catch {
      // aborted by the test, or ended by the parent: either is an end
    }
    this.isEnded = true;
  }

  #block(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)] as const;
      }),
    );
    const comment = fields.get("");
    if (comment !== undefined) this.comments.push(comment);
    this.lastId = fields.get("id") ?? this.lastId;
    const data = fields.get("data");
    if (data === undefined) return;
    this.told.push({ id: this.lastId, event: fields.get("event") ?? "", data: JSON.parse(data) as unknown });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await waitFor("the reader's end", () => this.isEnded);
  }
}

const AGENT = "a".repeat(32);
const OTHER = "b".repeat(32);

function event(change: string, agentId = AGENT): LiveEvent {
  return { type: "agent", agentId, change };
}

describe("GET /api/v1/live", () => {
  test("tells events with ids, by agent and type, and goes on after the last id", async () => {
    await using parent = await quietParent();
    const { bus } = parent.context;
    await using all = await Reader.open(parent, "/api/v1/live");
    await using one = await Reader.open(parent, `/api/v1/live?agent=${AGENT}&types=agent,loss`);
    expect([all.status, one.status]).toEqual([200, 200]);
    const baseId = await waitFor("the id to go on from", () => all.lastId !== "" && Number(all.lastId));
    expect(baseId).toBe(bus.lastId);
    bus.publish(event("line\nbreak </script>"));
    bus.publish(event("2", OTHER));
    await waitFor("both events", () => all.told.length === 2);
    await waitFor("the one", () => one.told.length === 1);
    expect(all.told).toEqual([
      { id: String(baseId + 1), event: "agent", data: event("line\nbreak </script>") },
      { id: String(baseId + 2), event: "agent", data: event("2", OTHER) },
    ]);
    expect(one.told.map(({ data }) => data)).toEqual([event("line\nbreak </script>")]);
    await using again = await Reader.open(parent, "/api/v1/live", { "last-event-id": String(baseId + 1) });
    await waitFor("what was missed", () => again.told.length === 1);
    expect(again.told[0]?.data).toEqual(event("2", OTHER));
    await using old = await Reader.open(parent, "/api/v1/live", { "last-event-id": "12345" });
    await waitFor("the gap, and all that is kept", () =>
      old.told.some(({ id }) => id === String(baseId + 2)),
    );
    const [gap, first] = old.told;
    expect(gap).toMatchObject({ event: "gap", data: { type: "gap", missed: -1 } });
    expect(Number(first?.id) - Number(gap?.id)).toBe(1);
  });

  test("is kept alive by comments that carry the newest id, for who is told nothing", async () => {
    await using parent = await quietParent({ live: { keepAliveMs: 30 } });
    await using quiet = await Reader.open(parent, `/api/v1/live?types=loss`);
    parent.context.bus.publish(event("not for it"));
    await waitFor("a comment with the newest id", () => quiet.lastId === String(parent.context.bus.lastId));
    expect(quiet.comments.every((comment) => comment === "quiet")).toBe(true);
    expect(quiet.told).toEqual([]);
  });

  test("refuses what is no question, and who may not ask", async () => {
    await using parent = await quietParent();
    for (const path of [
      "/api/v1/live?types=nothing",
      "/api/v1/live?types=",
      "/api/v1/live?agent=me",
      "/api/v1/live?unknown=1",
    ]) {
      const answer = await parent.get(path);
      expect([path, answer.status]).toEqual([path, 400]);
    }
    const forged = await parent.fetch("/api/v1/live", {
      headers: { authorization: await bearer(parent), "last-event-id": "1; DROP TABLE" },
    });
    expect(forged.status).toBe(400);
    expect((await parent.fetch("/api/v1/live")).status).toBe(401);
    expect(parent.context.bus.subscribers).toBe(0);
  });

  test("asked for its head alone, it is a head and no stream", async () => {
    await using parent = await quietParent();
    const headers = { authorization: await bearer(parent) };
    const head = await parent.fetch("/api/v1/live", { method: "HEAD", headers });
    expect([head.status, head.headers.get("content-type")]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
    ]);
    expect(parent.context.bus.subscribers).toBe(0);
  });

  test("ends when its key is revoked, when its time is over, and when the parent stops", async () => {
    await using parent = await quietParent({ live: { keepAliveMs: 30 } });
    await using reader = await Reader.open(parent, "/api/v1/live");
    await using other = await Reader.open(parent, "/api/v1/live", {
      authorization: await bearer(parent, "admin"),
    });
    await waitFor("both", () => parent.context.bus.subscribers === 2);
    await parent.store.people.revokeKey(
      (await parent.key("viewer")).id,
      { name: "anna", address: null },
      Date.now(),
    );
    await waitFor("the end of the revoked one", () => reader.isEnded);
    expect(other.isEnded).toBe(false);
    await waitFor("its place to be free", () => parent.context.bus.subscribers === 1);

    await using short = await quietParent({ live: { lifetimeMs: 50 } });
    await using briefly = await Reader.open(short, "/api/v1/live");
    await waitFor("the end of its time", () => briefly.isEnded);
    await waitFor("its place to be free", () => short.context.bus.subscribers === 0);
  });

  test("has so many places, in all and for each caller, and frees them", async () => {
    await using parent = await quietParent({
      live: { subscribersMax: 3, subscribersPerCallerMax: 2 },
    });
    const first = await Reader.open(parent, "/api/v1/live");
    await using second = await Reader.open(parent, "/api/v1/live");
    await using third = await Reader.open(parent, "/api/v1/live");
    expect([second.status, third.status]).toEqual([200, 503]);
    await using admin = await Reader.open(parent, "/api/v1/live", {
      authorization: await bearer(parent, "admin"),
    });
    await using full = await Reader.open(parent, "/api/v1/live", {
      authorization: await bearer(parent, "admin"),
    });
    expect([admin.status, full.status]).toEqual([200, 503]);
    await first[Symbol.asyncDispose]();
    await waitFor("the place", () => parent.context.bus.subscribers === 2);
    await using next = await Reader.open(parent, "/api/v1/live");
    expect(next.status).toBe(200);
  });

  test("tells of what people decide, wherever it was written down", async () => {
    await using parent = await quietParent();
    await using reader = await Reader.open(parent, "/api/v1/live?types=audit");
    await waitFor("the subscriber", () => parent.context.bus.subscribers === 1);
    const made = await parent.send("POST", "/api/v1/tokens", { uses: 2 });
    expect(made.status).toBe(200);
    const isOfToken = ({ data }: Told): boolean => JSON.stringify(data).includes("token.create");
    const line = await waitFor("the line", () => reader.told.find(isOfToken));
    expect(line.data).toMatchObject({
      type: "audit",
      entry: { actor: "key:operator-key", action: "token.create", address: "127.0.0.1" },
    });
    expect(reader.told.filter(isOfToken)).toHaveLength(1);
  });

  test("a client that stops reading costs its queue, and is told what it missed when it reads again", async () => {
    await using parent = await quietParent({ bus: { queueMax: 50 } });
    const { bus } = parent.context;
    const client = await Client.open(parent);
    client.stop();
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    // Far more than the system's own buffers take: 300 MB, if somebody kept it.
    const text = "x".repeat(100_000);
    const count = 3000;
    for (let n = 0; n < count; n += 1) {
      bus.publish(event(`${n} ${text}`));
      if (n % 20 === 0) await Bun.sleep(0); // lets the stream go on, if it would
    }
    // What is no longer needed goes back to the system a moment later.
    await waitFor("its memory to be small", () => {
      Bun.gc(true);
      return process.memoryUsage.rss() - before < 100 * 1024 * 1024;
    });
    expect(bus.subscribers).toBe(1);
    bus.publish(event("last"));
    client.goOn();
    // The last one is within the gap or after it; one more is surely after it.
    await waitFor("the gap", () => client.missed > 0);
    bus.publish(event("after"));
    await waitFor("what comes after the gap", () => client.text.includes('"after"'));
    expect(client.events + client.missed).toBe(count + 2);
    expect(client.missed).toBeGreaterThan(count / 2);
    client.end();
    await waitFor("its place", () => bus.subscribers === 0);
  });

  test("a client that does not read for long is let go", async () => {
    await using parent = await quietParent({ live: { stallMs: 300 } });
    const { bus } = parent.context;
    const client = await Client.open(parent);
    client.stop();
    for (let n = 0; n < 500; n += 1) bus.publish(event("x".repeat(100_000)));
    await waitFor("it to be let go", async () => {
      bus.publish(event("x".repeat(100_000)));
      await Bun.sleep(0);
      return bus.subscribers === 0;
    });
    client.end();
  });
});

/** A subscriber that can stop taking bytes from its socket. */
class Client {
  text = "";
  readonly #socket: TLSSocket;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      // Only what is counted is kept.
      this.text += bytes.toString("latin1").replaceAll(/x+/g, "");
    });
    socket.on("error", () => undefined); // it may be cut off in the end
  }

  static async open(parent: TestParent): Promise<Client> {
    const { hostname, port } = new URL(parent.url);
    const socket = connect({ host: hostname, port: Number(port), ca: parent.ca });
    const client = new Client(socket);
    const head = `GET /api/v1/live HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: ${await bearer(parent)}\r\n\r\n`;
    socket.write(head);
    await waitFor(
      "the subscriber",
      () => client.text.includes("retry:") && parent.context.bus.subscribers === 1,
    );
    return client;
  }

  /** Events but gaps. */
  get events(): number {
    return this.text.split("event: agent\n").length - 1;
  }

  /** As the gaps say. */
  get missed(): number {
    return [...this.text.matchAll(/"missed":(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  stop(): void {
    this.#socket.pause();
  }

  goOn(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.destroy();
  }
}
