/** Asking upstream, against a real HTTP server that answers, fails, is slow and talks nonsense. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { ClassificationRequest } from "../../../../src/protocol/fleet/classification.ts";
import {
  UpstreamClient,
  parseRetryAfter,
  type UpstreamClassification,
} from "../../../../src/server/classification/upstream-client.ts";
import { UPSTREAM_TIMING, UpstreamQueue } from "../../../../src/server/classification/upstream-queue.ts";
import { createMetrics } from "../../../../src/server/metrics.ts";
import { FakeUpstream, knows, type V2Process } from "../../../support/fleet/fake-upstream.ts";
import { waitFor } from "../../../support/wait-for.ts";

const NOW_MS = Date.parse("2026-01-15T12:00:00Z");

function program(name: string, path: string | null = null): ClassificationRequest {
  const fingerprintHash = new Bun.CryptoHasher("sha256").update(name).digest("hex");
  return { fingerprintHash, name, path, fileHash: null, signature: null, publisher: null, version: "1.2" };
}

function classify(url: string, requests: readonly ClassificationRequest[], timeoutMs = 60_000) {
  const client = new UpstreamClient({ url, key: "the-key", timeoutMs });
  return client.classify("parent-id", requests, { signal: new AbortController().signal, nowMs: NOW_MS });
}

describe("UpstreamClient", () => {
  test("asks in the second form, with the seed's headers, and sends sanitized fields only", async () => {
    await using upstream = new FakeUpstream(knows({ thing: "game" }, NOW_MS + 1000));
    const request = {
      ...program("thing", "/home/anna/games/thing"),
      secret: "never",
      publisher: "a@example.com",
    };
    const outcome = await classify(`${upstream.url}/base/`, [request]);
    expect(outcome).toEqual({
      kind: "answered",
      cacheUntilMs: NOW_MS + 1000,
      classifications: [
        {
          fingerprintHash: request.fingerprintHash,
          category: "game",
          confidence: 0.9,
          origin: "upstream: ml_model",
        },
      ],
    });
    const [asked] = upstream.requests;
    expect(asked?.path).toBe("/base/api/v2/classify-processes");
    expect(asked?.headers.get("x-agent-id")).toBe("parent-id");
    expect(asked?.headers.get("authorization")).toBe("Bearer the-key");
    expect(asked?.body).toEqual({
      agent_id: "parent-id",
      processes: [
        {
          fingerprint_hash: request.fingerprintHash,
          name: "thing",
          path: "/home/<USER>/games/thing",
          file_hash: null,
          signature: null,
          publisher: "<EMAIL>",
          version: "1.2",
        },
      ],
    });
  });

  test("asks in the first form where the address says so", async () => {
    const request = program("thing");
    const { fingerprintHash } = request;
    await using upstream = new FakeUpstream(() =>
      Response.json({
        classifications: [
          {
            fingerprintHash,
            classification: "media",
            confidence: 1,
            source: "community",
            suggestedBy: "plugin-1",
          },
        ],
      }),
    );
    const outcome = await classify(`${upstream.url}/api/v1/processes/classify`, [request]);
    expect(outcome).toEqual({
      kind: "answered",
      cacheUntilMs: undefined,
      classifications: [
        { fingerprintHash, category: "media", confidence: 1, origin: "upstream: community, by plugin-1" },
      ],
    });
    expect(upstream.requests[0]?.path).toBe("/api/v1/processes/classify");
    expect(upstream.requests[0]?.body).toEqual({ processes: [request] });
  });

  test("says what went wrong, and whether it is worth to ask again", async () => {
    await using other = new FakeUpstream(knows({}));
    const cases: readonly [() => Response | Promise<Response>, unknown][] = [
      [
        () => new Response("", { status: 429, headers: { "retry-after": "7" } }),
        { kind: "failed", reason: "it answered 429", retryAfterMs: 7000 },
      ],
      [
        () => new Response("", { status: 503, headers: { "retry-after": "Thu, 15 Jan 2026 12:01:00 GMT" } }),
        { kind: "failed", reason: "it answered 503", retryAfterMs: 60_000 },
      ],
      [() => new Response("", { status: 500 }), { kind: "failed", reason: "it answered 500" }],
      [() => new Response("", { status: 401 }), { kind: "refused", reason: "it answered 401" }],
      [() => new Response("<html>"), { kind: "failed", reason: "its answer is no JSON" }],
      [() => new Response(new Uint8Array([0xff, 0xfe])), { kind: "failed" }],
      [() => new Response("x".repeat(2_000_000)), { kind: "failed", reason: "its answer is too long" }],
      [() => Response.json({ classifications: "all" }), { kind: "failed" }],
      [() => Response.redirect(other.url, 307), { kind: "failed" }],
    ];
    for (const [behaviour, expected] of cases) {
      await using upstream = new FakeUpstream(behaviour);
      expect(await classify(upstream.url, [program("a")])).toMatchObject(expected as object);
    }
    await using silent = new FakeUpstream(() => new Promise(() => undefined));
    expect(await classify(silent.url, [program("a")], 200)).toMatchObject({
      kind: "failed",
      reason: "it did not answer in time",
    });
    // The key never went where the redirect pointed to.
    expect(other.requests).toEqual([]);
    expect(await classify("http://127.0.0.1:1", [program("a")])).toMatchObject({ kind: "failed" });
  });

  test("refuses an address that is none", () => {
    for (const url of ["", "nothing", "ftp://a", "https://user:secret@host"]) {
      expect(() => new UpstreamClient({ url, key: null })).toThrow("is none");
    }
  });
});

test("parseRetryAfter is between nothing and an hour, or undefined, for any text", () => {
  expect(parseRetryAfter("120", NOW_MS)).toBe(120_000);
  expect(parseRetryAfter("99999999", NOW_MS)).toBe(3_600_000);
  expect(parseRetryAfter("Thu, 15 Jan 2026 11:00:00 GMT", NOW_MS)).toBe(0);
  expect(parseRetryAfter("soon", NOW_MS)).toBeUndefined();
  expect(parseRetryAfter(null, NOW_MS)).toBeUndefined();
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = parseRetryAfter(text, NOW_MS);
      expect(ms === undefined || (ms >= 0 && ms <= 3_600_000)).toBe(true);
    }),
  );
});

interface QueueWorld extends AsyncDisposable {
  readonly queue: UpstreamQueue;
  readonly learned: Map<string, UpstreamClassification>;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly complaints: string[];
  wallMs: number;
  elapsedMs: number;
  learnFails: boolean;
}

/** Time stands still unless a test moves it, except that timers run. */
function queueOf(upstream: FakeUpstream, timing: Partial<typeof UPSTREAM_TIMING> = {}): QueueWorld {
  const stopping = new AbortController();
  const metrics = createMetrics();
  const complaints: string[] = [];
  const learned = new Map<string, UpstreamClassification>();
  const began = performance.now();
  const world = { wallMs: 0, elapsedMs: 0, learnFails: false };
  const clock = {
    now: () => Date.now() + world.wallMs,
    monotonicMs: () => performance.now() - began + world.elapsedMs,
  };
  const log = {
    info: () => undefined,
    warn: (text: string) => complaints.push(text),
    error: () => undefined,
  };
  const queue = new UpstreamQueue({
    client: new UpstreamClient({ url: upstream.url, key: null, timeoutMs: 60_000 }),
    clock,
    log,
    metrics,
    stopping: stopping.signal,
    timing: { ...UPSTREAM_TIMING, random: () => 1, ...timing },
    agentId: () => Promise.resolve("parent-id"),
    learned: (found) => {
      if (world.learnFails) return Promise.reject(new Error("disk full"));
      for (const { request, answer } of found) learned.set(request.name, answer);
      return Promise.resolve();
    },
  });
  return Object.assign(world, {
    queue,
    learned,
    metrics,
    complaints,
    [Symbol.asyncDispose]: () => {
      stopping.abort();
      return Promise.resolve();
    },
  });
}

function namesOf(upstream: FakeUpstream): string[][] {
  return upstream.requests.map(({ body }) =>
    (body as { processes: V2Process[] }).processes.map(({ name }) => name),
  );
}

const broken = () => new Response("", { status: 500 });

describe("UpstreamQueue", () => {
  test("asks in batches, each program once", async () => {
    await using upstream = new FakeUpstream(knows({ "program-7": "game" }));
    await using world = queueOf(upstream);
    for (let n = 0; n < 120; n += 1) world.queue.add(program(`program-${n}`));
    for (let n = 0; n < 120; n += 1) world.queue.add(program(`program-${n}`));
    await waitFor("all batches", () => upstream.requests.length === 3 && world.learned.size === 1);
    expect(namesOf(upstream).map((names) => names.length)).toEqual([50, 50, 20]);
    expect(world.learned.get("program-7")).toMatchObject({ category: "game", confidence: 0.9 });
  });

  test("tries again with a growing backoff, and as the other side says", async () => {
    const tooMany = () => new Response("", { status: 429, headers: { "retry-after": "1" } });
    await using upstream = new FakeUpstream(broken, broken, tooMany, knows({ a: "media" }));
    await using world = queueOf(upstream, { backoffBaseMs: 20 });
    world.queue.add(program("a"));
    await waitFor("the answer", () => world.learned.size === 1);
    const at = upstream.requests.map(({ atMs }) => atMs);
    const pauses = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
    expect(pauses[0]).toBeGreaterThanOrEqual(39); // 20 · 2¹
    expect(pauses[1]).toBeGreaterThanOrEqual(79); // 20 · 2²
    expect(pauses[2]).toBeGreaterThanOrEqual(999); // as it said
    expect(world.queue.isOpen).toBe(false);
  });

  test("after five failures nothing is asked for a minute; then one batch, and it opens again or closes", async () => {
    await using upstream = new FakeUpstream(broken);
    await using world = queueOf(upstream, { backoffBaseMs: 1, openMs: 150 });
    world.queue.add(program("a"));
    await waitFor("the open circuit", () => world.queue.isOpen);
    expect(upstream.requests).toHaveLength(5);
    expect(world.complaints).toEqual(["upstream classification does not answer: it answered 500"]);
    world.queue.add(program("b"));
    await waitFor("the half-open try", () => upstream.requests.length === 6);
    const [fifth, sixth] = upstream.requests.slice(4).map(({ atMs }) => atMs);
    expect((sixth ?? 0) - (fifth ?? 0)).toBeGreaterThanOrEqual(149);
    expect(world.queue.isOpen).toBe(true);
    upstream.behave(knows({ a: "game", b: "media" }));
    await waitFor("both", () => world.learned.size === 2);
    expect(world.queue.isOpen).toBe(false);
    // One complaint for one outage, however long it is.
    expect(world.complaints).toHaveLength(1);
  });

  test("what stays unknown is asked again when its answer is no longer valid, what is known only then", async () => {
    await using upstream = new FakeUpstream(knows({ known: "game" }, Date.now() + 600_000));
    await using world = queueOf(upstream);
    world.queue.add(program("known"));
    world.queue.add(program("unknown"));
    await waitFor("the first answer", () => world.learned.size === 1);
    world.queue.add(program("known"));
    world.queue.add(program("unknown"));
    expect(world.queue.size).toBe(1);
    world.elapsedMs += 601_000;
    world.wallMs += 601_000;
    upstream.behave(knows({ known: "media", unknown: "browser" }));
    world.queue.add(program("known"));
    await waitFor("both again", () => world.learned.get("unknown") !== undefined);
    expect(world.learned.get("known")?.category).toBe("media");
    expect(namesOf(upstream)).toEqual([
      ["known", "unknown"],
      ["known", "unknown"],
    ]);
  });

  test("a refusal is not repeated, and holds up nothing else for good", async () => {
    const refuseA = ({ body }: { body: unknown }) =>
      JSON.stringify(body).includes('"name":"a"')
        ? new Response("", { status: 400 })
        : knows({ b: "game" })({ body } as never);
    await using upstream = new FakeUpstream(refuseA);
    await using world = queueOf(upstream, { backoffBaseMs: 1 });
    world.queue.add(program("a"));
    await waitFor("the refusal", () => world.complaints.length === 1);
    world.queue.add(program("b"));
    await waitFor("the other", () => world.learned.size === 1);
    expect(namesOf(upstream)).toEqual([["a"], ["b"]]);
    expect(world.complaints).toEqual(["upstream classification refuses what is asked: it answered 400"]);
  });

  test("what can't be stored is asked again", async () => {
    await using upstream = new FakeUpstream(knows({ a: "game" }));
    await using world = queueOf(upstream, { backoffBaseMs: 5 });
    world.learnFails = true;
    world.queue.add(program("a"));
    await waitFor("two tries", () => upstream.requests.length >= 2);
    world.learnFails = false;
    await waitFor("the answer", () => world.learned.size === 1);
    expect(world.queue.size).toBe(0);
  });

  test("is bounded: what is too much is dropped and counted", async () => {
    await using upstream = new FakeUpstream(broken);
    await using world = queueOf(upstream, { backoffBaseMs: 60_000 });
    for (let n = 0; n < 10_010; n += 1) world.queue.add(program(`program-${n}`));
    expect(world.queue.size).toBe(10_000);
    expect(world.metrics.text()).toContain("wb_upstream_dropped_total 10");
  });

  test("an answer about programs that nobody asked for is ignored", async () => {
    const liar = program("liar").fingerprintHash;
    await using upstream = new FakeUpstream(() =>
      Response.json({
        classifications: [
          { fingerprint_hash: liar, classification: "game", confidence: 1, source: "database" },
        ],
        cache_until: "no date at all",
        api_version: "2",
      }),
    );
    await using world = queueOf(upstream);
    world.queue.add(program("a"));
    await waitFor("the answer", () => upstream.requests.length === 1 && world.queue.size === 1);
    expect(world.learned.size).toBe(0);
  });
});
