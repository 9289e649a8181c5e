/** TLS in front of a parent that listens without, for what insists on it: a certificate of its own, everything passed on. */
import { X509Certificate } from "node:crypto";
import { pinOf } from "../../../src/agent/pin.ts";
import { openServerKeys } from "../../../src/server/tls.ts";
import { tmpdir } from "../tmpdir.ts";

export interface TlsDoor extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly pin: string;
}

export async function openTlsDoor(url: string): Promise<TlsDoor> {
  const directory = await tmpdir();
  const names = { needed: ["localhost"], welcome: ["127.0.0.1"] };
  const keys = await openServerKeys(directory.path, names, Date.now(), () => undefined);
  const server = Bun.serve({
    tls: { key: keys.keyPem, cert: keys.certificatePem },
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = request.method === "GET" ? null : await request.arrayBuffer();
      const headers = new Headers(request.headers);
      headers.delete("host");
      return await fetch(url + pathname + search, {
        method: request.method,
        headers,
        body,
        decompress: false,
      });
    },
  });
  return {
    address: `127.0.0.1:${server.port}`,
    pin: pinOf(new X509Certificate(keys.certificatePem).raw),
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      await directory[Symbol.asyncDispose]();
    },
  };
}
