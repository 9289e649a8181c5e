/**
 * TLS to a parent that is known by its key alone: every connection is made, the pin of the key that answered is compared, and only then
 * anybody may write to it. Names, dates and issuers of certificates say nothing here: a certificate that is made anew with the
 * same key is the same parent, and an agent whose clock is wrong still finds it.
 */
import { createHash, X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { parseIp } from "../lib/ip.ts";
import { WbError } from "../model/errors.ts";
import { formatAddress, type HostAndPort } from "./address.ts";
import { openTunnel, type Proxy } from "./proxy.ts";

const KEEP_ALIVE_MS = 30_000;

export interface PinnedTarget {
  readonly address: HostAndPort;
  readonly proxy: Proxy | undefined;
  /** SHA-256 of the key (SubjectPublicKeyInfo, RFC 7469), base64url. */
  readonly pin: string;
}

/** Another key answered than the one that is pinned: somebody is in between, or it is another parent. */
export class WrongPinError extends WbError {
  constructor(address: HostAndPort, seen: string) {
    super(
      "protocol",
      `${formatAddress(address)} is not the parent that this agent knows: it has the key ${seen}`,
      {
        hint: "nothing was sent to it; if the parent was set up anew, `wb agent leave` and join it again with a token of today",
      },
    );
    this.name = "WrongPinError";
  }
}

/** The pin of a certificate's key. */
export function pinOf(certificateDer: Uint8Array): string {
  const key = new X509Certificate(Buffer.from(certificateDer)).publicKey.export({
    type: "spki",
    format: "der",
  });
  return createHash("sha256").update(key).digest("base64url");
}

/** The handshake proves that the other end has the private key of the certificate that it shows; the pin says whose key that is. */
async function handshake(target: Omit<PinnedTarget, "pin">, signal: AbortSignal): Promise<TLSSocket> {
  const { address, proxy } = target;
  const tunnel = proxy === undefined ? undefined : await openTunnel(proxy, address, signal);
  const servername = parseIp(address.host) === undefined ? { servername: address.host } : {};
  return await new Promise((resolve, reject) => {
    const socket = connect({
      ...(tunnel === undefined ? { host: address.host, port: address.port } : { socket: tunnel }),
      ...servername,
      // Who it is, is told by the pin.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
    });
    const end = (message: string, cause?: unknown): void => {
      signal.removeEventListener("abort", aborted);
      socket.off("secureConnect", secured).off("close", closed);
      socket.destroy();
      tunnel?.destroy();
      const isUnknown = cause instanceof Error && /getaddrinfo|ENOTFOUND|EAI_/.test(cause.message);
      const hint = isUnknown
        ? "nobody knows this name: is it written rightly, and does this machine's name server answer?"
        : "is `wb serve` running there, and does nothing in between keep its port closed?";
      reject(new WbError("unavailable", `${formatAddress(address)} ${message}`, { cause, hint }));
    };
    const failed = (cause: Error): void => end(`can't be reached: ${cause.message}`, cause);
    const closed = (): void => end("closed the connection before it said who it is");
    const aborted = (): void =>
      end(isTimeout(signal.reason) ? "did not answer in time" : "had not answered yet when it was given up");
    const secured = (): void => {
      signal.removeEventListener("abort", aborted);
      socket.off("error", failed).off("close", closed);
      // What is between two ends forgets a connection that is silent, and tells neither.
      (tunnel ?? socket).setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(socket);
    };
    socket.once("secureConnect", secured).on("error", failed).on("close", closed);
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

/** AbortSignal.timeout says why; all other signals are a person's, or the program's end. */
function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}

function seenPin(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerCertificate(false) as { raw?: Uint8Array } | null;
  return certificate?.raw === undefined ? undefined : pinOf(certificate.raw);
}

function giveUp(socket: TLSSocket): void {
  socket.on("error", () => {
    // It is being closed: there is nobody to tell.
  });
  socket.destroy();
}

/**
 * A connection to whoever has the pinned key.
 * @throws WrongPinError, before a byte was sent in it; WbError("unavailable") where nobody answers.
 */
export async function connectPinned(target: PinnedTarget, signal: AbortSignal): Promise<TLSSocket> {
  const socket = await handshake(target, signal);
  const seen = seenPin(socket);
  if (seen === target.pin) return socket;
  giveUp(socket);
  throw new WrongPinError(target.address, seen ?? "none");
}

/** The pin of whoever answers there: of no worth before a person has compared it, or the code that is made from it. */
export async function askPin(target: Omit<PinnedTarget, "pin">, signal: AbortSignal): Promise<string> {
  const socket = await handshake(target, signal);
  const seen = seenPin(socket);
  giveUp(socket);
  if (seen !== undefined) return seen;
  throw new WbError("protocol", `${formatAddress(target.address)} shows no certificate`, {
    hint: "see that the address is that of `wb serve`",
  });
}
