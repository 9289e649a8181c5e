/**
 * The HTTP proxy between agent and parent, where there is one: which (HTTPS_PROXY, https_proxy, ALL_PROXY, all_proxy, unless
 * NO_PROXY names the parent), and a tunnel through it by CONNECT (RFC 9110, section 9.3.6). The proxy sees TLS only.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseIp } from "../lib/ip.ts";
import { printable } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";
import { formatAddress, parseAddress, type HostAndPort } from "./address.ts";

export interface Proxy extends HostAndPort {
  /** The way to the proxy itself is TLS. */
  readonly isSecure: boolean;
  /** Of Proxy-Authorization. */
  readonly authorization: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const ANSWER_BYTES_MAX = 16_384;

function proxyAddress(text: string, fallback: number): HostAndPort {
  try {
    return parseAddress(text, fallback);
  } catch (cause) {
    throw new WbError("config", `${JSON.stringify(text)} is not the address of a proxy`, {
      cause,
      hint: "write it as http://HOST:PORT",
    });
  }
}

/** Of a name or password in a URL; what is not percent-encoded rightly is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @throws WbError("config") where the text is no HTTP proxy. */
export function parseProxy(text: string): Proxy {
  const withScheme = /^[a-z][\w+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch (cause) {
    throw new WbError("config", `${JSON.stringify(text)} is not the address of a proxy`, {
      cause,
      hint: "write it as http://HOST:PORT",
    });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new WbError("config", `a proxy of the kind ${url.protocol.slice(0, -1)} can't be used`, {
      hint: "name an HTTP proxy: http://HOST:PORT; or leave the parent out of it by NO_PROXY",
    });
  }
  const isSecure = url.protocol === "https:";
  const fallback = isSecure ? 443 : 80;
  const { host, port } = proxyAddress(url.host, fallback);
  const word = `${decoded(url.username)}:${decoded(url.password)}`;
  const authorization = url.username === "" ? undefined : `Basic ${Buffer.from(word).toString("base64")}`;
  return { host, port, isSecure, authorization };
}

function inNetwork(address: Uint8Array, entry: string): boolean {
  const [base = "", bits = ""] = entry.split("/");
  const network = parseIp(base);
  const length = Number(bits);
  if (network === undefined || network.length !== address.length || !/^\d+$/.test(bits)) return false;
  if (length > network.length * 8) return false;
  return network.every((byte, index) => {
    const kept = Math.min(8, Math.max(0, length - index * 8));
    const mask = (0xff << (8 - kept)) & 0xff;
    return (byte & mask) === ((address[index] ?? 0) & mask);
  });
}

/** Whether NO_PROXY names it: `*`, a name and all below it, an address, a network, each with or without a port. */
export function isExempt(noProxy: string, { host, port }: HostAndPort): boolean {
  const address = parseIp(host);
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*") return true;
      if (address !== undefined && entry.includes("/")) return inNetwork(address, entry);
      const named = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(entry);
      const whole = parseIp(entry) === undefined ? (named?.[1] ?? entry) : entry;
      const onlyPort = parseIp(entry) === undefined ? named?.[2] : undefined;
      if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
      const wanted = whole.replace(/^\*?\./, "");
      return host === wanted || (address === undefined && host.endsWith(`.${wanted}`));
    });
}

/**
 * The proxy for this parent; undefined for none. A proxy that was named (`--proxy`) is always used; `none` means none.
 * @throws WbError("config") where what is named is no HTTP proxy.
 */
export function proxyFor(
  target: HostAndPort,
  named: string | undefined,
  env: Environment,
): Proxy | undefined {
  if (named === "none") return undefined;
  if (named !== undefined && named !== "") return parseProxy(named);
  if (isExempt(env["NO_PROXY"] ?? env["no_proxy"] ?? "", target)) return undefined;
  const found = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    .map((name) => env[name])
    .find((value) => value !== undefined && value !== "");
  return found === undefined ? undefined : parseProxy(found);
}

function refusal(proxy: Proxy, message: string, hint?: string): WbError {
  const where = `the proxy ${formatAddress(proxy)}`;
  return new WbError("unavailable", `${where} ${message}`, {
    hint:
      hint ?? "name another with --proxy URL; `--proxy none` goes without one, whatever the environment says",
  });
}

function passwordProblem(proxy: Proxy, head: string): WbError {
  const schemes = [...head.matchAll(/^proxy-authenticate:[ \t]*([\w-]+)/gim)].map(
    ([, scheme = ""]) => scheme,
  );
  if (schemes.length > 0 && !schemes.some((scheme) => /^basic$/i.test(scheme))) {
    const hint = "have it let this machine through, or name the parent in NO_PROXY";
    return refusal(proxy, `lets in by ${schemes.slice(0, 4).join(", ")} only, which is not known here`, hint);
  }
  const isRefused = proxy.authorization !== undefined;
  return refusal(
    proxy,
    isRefused ? "does not accept this name and password" : "wants a name and a password",
    `write ${isRefused ? "the right ones" : "them"} into its address: http${proxy.isSecure ? "s" : ""}://NAME:PASSWORD@HOST:PORT`,
  );
}

/** What the proxy answered to CONNECT; undefined where it opens the tunnel. */
function problemOf(proxy: Proxy, head: string): WbError | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})([^\r\n]*)/.exec(head);
  if (status === null) return refusal(proxy, "does not answer as an HTTP proxy");
  const [, code = "", reason = ""] = status;
  if (code.startsWith("2")) return undefined;
  if (code === "407") return passwordProblem(proxy, head);
  const said = `${code}${printable(reason.slice(0, 100))}`;
  return refusal(
    proxy,
    `refuses to connect to the parent: ${said}`,
    "allow CONNECT to the parent's port there, or name the parent in NO_PROXY",
  );
}

/** Opens the way to the proxy: TCP, or TLS whose certificate the system trusts. */
function dial(proxy: Proxy): Socket {
  const { host, port } = proxy;
  if (!proxy.isSecure) return connectTcp({ host, port });
  return connectTls({ host, port, ...(parseIp(host) === undefined ? { servername: host } : {}) });
}

const CLOSED_HINT = "one that is reached by TLS is written as https://HOST:PORT";

/** Undefined where the usual hint is all there is to say. */
function failureHint({ isSecure }: Proxy, cause: Error): string | undefined {
  if (!isSecure) return undefined;
  if (/wrong.version/i.test(cause.message)) return "one that speaks no TLS is written as http://HOST:PORT";
  return /certificate|self.signed|altname/i.test(cause.message)
    ? "its certificate must be for this name, and of an issuer that this machine trusts or the file NODE_EXTRA_CA_CERTS has"
    : undefined;
}

/**
 * A socket that leads through the proxy to the target. The caller's signal ends the attempt.
 * @throws WbError("unavailable") where the proxy can't be reached or refuses.
 */
export function openTunnel(proxy: Proxy, target: HostAndPort, signal: AbortSignal): Promise<Socket> {
  const authority = formatAddress(target);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (proxy.authorization !== undefined) lines.push(`Proxy-Authorization: ${proxy.authorization}`);
  return new Promise((resolve, reject) => {
    const socket = dial(proxy);
    let head = Buffer.alloc(0);
    const opened = (): boolean => socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const failed = (cause: Error): void =>
      settle(refusal(proxy, `can't be reached: ${cause.message}`, failureHint(proxy, cause)));
    const closed = (): void =>
      settle(refusal(proxy, "closed the connection", proxy.isSecure ? undefined : CLOSED_HINT));
    const aborted = (): void => settle(refusal(proxy, "did not answer in time"));
    const answered = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0 && head.length <= ANSWER_BYTES_MAX) return;
      // The parent speaks only when it is spoken to: what comes before that is not from it.
      const extra =
        end >= 0 && end + 4 === head.length ? undefined : refusal(proxy, "says more than it should");
      settle(problemOf(proxy, head.toString("latin1")) ?? extra);
    };
    const settle = (error: WbError | undefined): void => {
      signal.removeEventListener("abort", aborted);
      socket.off("data", answered).off("close", closed);
      if (error === undefined) {
        socket.off("error", failed);
        resolve(socket);
        return;
      }
      // `failed` stays: what else goes wrong with it has somebody to tell, whom nobody hears any more.
      socket.destroy();
      reject(error);
    };
    socket.once(proxy.isSecure ? "secureConnect" : "connect", opened);
    socket.on("error", failed).on("close", closed).on("data", answered);
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
  });
}
