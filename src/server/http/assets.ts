/** The files of the web page, handed in as bytes: served with an entity tag, so that a reload costs nothing. */
import { createHash } from "node:crypto";
import type { App, ServerContext } from "../context.ts";
import { forStrangers, type RequestLimit } from "./limits.ts";

export interface Asset {
  /** Content-Type. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** By path: `/`, `/app.js`. */
export type Assets = ReadonlyMap<string, Asset>;

export function registerAssetRoutes(
  app: App,
  context: ServerContext,
  assets: Assets,
  limit: RequestLimit,
): void {
  for (const [path, { type, bytes }] of assets) {
    const tag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
    // What is in /assets/ has a hash of its content in its name.
    const cacheControl = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    app.get(path, forStrangers(context, limit), (c) => {
      const headers = { etag: tag, "cache-control": cacheControl, "content-type": type };
      if (c.req.header("if-none-match") === tag) return c.body(null, 304, headers);
      return c.body(new Uint8Array(bytes), 200, headers);
    });
  }
}
