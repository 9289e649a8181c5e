/** An upstream classification API that does what a test says: answers, refuses, is slow, or talks nonsense; over real HTTP. */

export interface UpstreamRequest {
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly atMs: number;
}

type Behaviour = (request: UpstreamRequest) => Response | Promise<Response>;

export class FakeUpstream implements AsyncDisposable {
  readonly requests: UpstreamRequest[] = [];
  readonly #server: ReturnType<typeof Bun.serve>;
  /** Those of the next requests; the last one stays. */
  readonly #behaviours: Behaviour[];

  constructor(...behaviours: Behaviour[]) {
    this.#behaviours = behaviours;
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const told: UpstreamRequest = {
          path: new URL(request.url).pathname,
          headers: request.headers,
          body: await request.json(),
          atMs: performance.now(),
        };
        this.requests.push(told);
        const behaviour = this.#behaviours.length > 1 ? this.#behaviours.shift() : this.#behaviours[0];
        return (await behaviour?.(told)) ?? new Response("nothing", { status: 404 });
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** From now on. */
  behave(...behaviours: Behaviour[]): void {
    this.#behaviours.splice(0, this.#behaviours.length, ...behaviours);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

export interface V2Process {
  readonly fingerprint_hash: string;
  readonly name: string;
  readonly path: string | null;
}

/** Answers in the second form: a category by name, `unknown` for all others. */
export function knows(categories: Readonly<Record<string, string>>, cacheUntilMs?: number): Behaviour {
  return ({ body }) => {
    const { processes } = body as { processes: V2Process[] };
    return Response.json({
      classifications: processes.map(({ fingerprint_hash, name }) => ({
        fingerprint_hash,
        classification: categories[name] ?? "unknown",
        confidence: 0.9,
        source: "ml_model",
      })),
      cache_until: new Date(cacheUntilMs ?? Date.now() + 3_600_000).toISOString(),
      api_version: "2.0.0",
    });
  };
}
