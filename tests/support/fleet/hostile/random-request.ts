/** Random requests over the routes of a parent's own document: right shapes, nearly right ones, and nonsense; the same for a seed. */

/** Strings that mean something to a database, a shell, a path, a page, a terminal or a spreadsheet. */
export const INJECTIONS = [
  "'; DROP TABLE agents; --",
  '" OR 1=1 --',
  "../../../../etc/passwd",
  "..%2f..%2fidentity.pem",
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "\u001b]0;owned\u0007\u001b[2J",
  "\u009b31mred",
  "gpj.\u202eexe",
  '=HYPERLINK("http://evil.example")',
  "$(reboot)`reboot`|reboot",
  "a\r\nset-cookie: x=1",
  "%00",
  "\u0000",
  "\ud800",
  "{{7*7}}${7*7}",
  "__proto__",
  "💣".repeat(50),
] as const;

export type Random = () => number;

/** Mulberry32: small, fast, the same for a seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly pattern?: string;
  readonly $ref?: string;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface RandomRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;
const NUMBERS = [0, 1, -1, 1.5, 2 ** 53, -(2 ** 53), 1e308, 255, 4_294_967_296] as const;
const TYPES = [
  "application/json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "",
] as const;
const HEX = "0123456789abcdef";

export class RequestMaker {
  readonly #random: Random;
  readonly #routes: readonly {
    readonly path: string;
    readonly method: string;
    readonly operation: Operation;
  }[];
  /** `Bearer …` of keys that open something. */
  readonly #keys: readonly string[];

  constructor(document: Document, keys: readonly string[], seed: number) {
    this.#random = seeded(seed);
    this.#keys = keys;
    this.#routes = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
    );
  }

  next(): RandomRequest {
    const { path, method, operation } = this.#pick(this.#routes);
    const used = this.#chance(0.85) ? method : this.#pick(METHODS);
    const parameters = operation.parameters ?? [];
    const named = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const schema = parameters.find((each) => each.name === name)?.schema;
      return encodeURIComponent(String(this.#value(schema, 0)).toWellFormed()) || "x";
    });
    const query = parameters
      .filter((each) => each.in === "query" && this.#chance(0.3))
      .map(
        ({ name, schema }) => `${name}=${encodeURIComponent(String(this.#value(schema, 0)).toWellFormed())}`,
      );
    if (this.#chance(0.05)) query.push(`${this.#hex(4)}=${this.#hex(4)}`);
    const search = query.length === 0 ? "" : `?${query.join("&")}`;
    const isReading = used === "GET" || used === "HEAD";
    return {
      method: used,
      path: this.#chance(0.97) ? named + search : `/${this.#hex(6)}/${named}`,
      headers: this.#headers(),
      body: isReading ? undefined : this.#body(operation),
    };
  }

  #body(operation: Operation): string | undefined {
    if (this.#chance(0.05)) return undefined;
    if (this.#chance(0.1)) return this.#pick(["", "{", "null", "[]", "[[[[", '"', "\u0000", "{}{}", "NaN"]);
    const [content] = Object.values(operation.requestBody?.content ?? {});
    return JSON.stringify(this.#value(content?.schema, 0));
  }

  #headers(): Record<string, string> {
    const headers: Record<string, string> = {};
    if (this.#chance(0.8))
      headers["content-type"] = this.#chance(0.7) ? "application/json" : this.#pick(TYPES);
    if (this.#chance(0.75)) {
      headers["authorization"] = this.#chance(0.85)
        ? this.#pick(this.#keys)
        : this.#pick([
            "Bearer ",
            "Basic YTpi",
            "Bearer wbk_x",
            `Bearer wbk_${this.#hex(16)}_${"A".repeat(43)}`,
          ]);
    }
    if (this.#chance(0.05)) headers["cookie"] = `wb_session=${this.#pick(["", "x", "A".repeat(43)])}`;
    if (this.#chance(0.05)) headers["x-wb-csrf"] = "1";
    if (this.#chance(0.05)) headers["origin"] = this.#pick(["null", "https://evil.example", "//", "x"]);
    if (this.#chance(0.03)) headers["content-encoding"] = this.#pick(["gzip", "br", "identity", "x"]);
    if (this.#chance(0.05))
      headers["last-event-id"] = this.#pick(["0", "-1", "1e9", "99999999999999999999", "x"]);
    if (this.#chance(0.1)) {
      headers["x-agent-id"] = this.#chance(0.5) ? this.#hex(32) : "x";
      headers["x-wb-instance"] = this.#hex(16);
      headers["x-wb-counter"] = this.#pick(["1", "0", "x", "9007199254740991"]);
      headers["x-wb-signature"] = this.#chance(0.7) ? "A".repeat(86) : "x";
    }
    return headers;
  }

  /** Of the shape, or, one time in seven, of any. */
  #value(schema: Schema | undefined, depth: number): unknown {
    if (schema === undefined || depth > 6 || this.#chance(0.14)) return this.#nonsense(depth);
    const either = schema.anyOf ?? schema.oneOf;
    if (either !== undefined && either.length > 0) return this.#value(this.#pick(either), depth);
    if (schema.enum !== undefined && schema.enum.length > 0) return this.#pick(schema.enum);
    const type = (typeof schema.type === "string" ? schema.type : schema.type?.[0]) ?? "string";
    switch (type) {
      case "object":
        return Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, each]) => [name, this.#value(each, depth + 1)]),
        );
      case "array":
        return Array.from({ length: this.#below(4) }, () => this.#value(schema.items, depth + 1));
      case "integer":
      case "number":
        return this.#chance(0.5) ? this.#below(1000) : this.#pick(NUMBERS);
      case "boolean":
        return this.#chance(0.5);
      case "null":
        return null;
      default:
        return this.#text(schema.pattern);
    }
  }

  #text(pattern: string | undefined): string {
    if (this.#chance(0.4)) return this.#pick(INJECTIONS);
    const length = /\{(\d+)\}/.exec(pattern ?? "")?.[1];
    return length === undefined ? this.#hex(1 + this.#below(20)) : this.#hex(Number(length));
  }

  #nonsense(depth: number): unknown {
    if (depth < 3 && this.#chance(0.2)) return { [this.#pick(INJECTIONS)]: this.#nonsense(depth + 1) };
    if (depth < 3 && this.#chance(0.1)) return [this.#nonsense(depth + 1), this.#nonsense(depth + 1)];
    return this.#pick<unknown>([
      null,
      true,
      this.#pick(NUMBERS),
      this.#pick(INJECTIONS),
      "",
      "x".repeat(this.#below(3000)),
    ]);
  }

  #hex(length: number): string {
    return Array.from({ length }, () => HEX[this.#below(16)]).join("");
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #chance(part: number): boolean {
    return this.#random() < part;
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[this.#below(values.length)];
    if (value === undefined && values.length === 0) throw new RangeError("nothing to pick from");
    return value as T;
  }
}
