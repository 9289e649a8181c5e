/** An HTTPS server with a key of its own, as a parent has: its certificate can be made anew with the same key, or with dates that are long over. */
import "reflect-metadata";
import { createHash, webcrypto } from "node:crypto";
import { PemConverter, X509CertificateGenerator } from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

export interface ServerKey {
  readonly keyPem: string;
  readonly pin: string;
  certificate(from?: number, to?: number): Promise<string>;
}

export async function serverKey(): Promise<ServerKey> {
  const pair = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const spki = await webcrypto.subtle.exportKey("spki", pair.publicKey);
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", pair.privateKey);
  return {
    keyPem: PemConverter.encode(pkcs8, "PRIVATE KEY"),
    pin: createHash("sha256").update(new Uint8Array(spki)).digest("base64url"),
    certificate: async (from = Date.now() - DAY_MS, to = Date.now() + DAY_MS) => {
      const made = await X509CertificateGenerator.createSelfSigned({
        serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString("hex"),
        name: "CN=parent",
        notBefore: new Date(from),
        notAfter: new Date(to),
        signingAlgorithm: ALGORITHM,
        keys: pair,
      });
      return made.toString("pem");
    },
  };
}

export interface PinnedServer extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
  readonly pin: string;
}

/** Serves until it is disposed. */
export async function pinnedServer(
  handler: (request: Request) => Response | Promise<Response>,
  options: { key?: ServerKey; certificate?: string; port?: number } = {},
): Promise<PinnedServer> {
  const key = options.key ?? (await serverKey());
  const cert = options.certificate ?? (await key.certificate());
  const server = Bun.serve({
    port: options.port ?? 0,
    hostname: "127.0.0.1",
    tls: { cert, key: key.keyPem },
    idleTimeout: 60,
    fetch: handler,
  });
  const port = server.port ?? 0;
  return {
    port,
    address: `127.0.0.1:${port}`,
    pin: key.pin,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
