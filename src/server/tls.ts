/**
 * The keys of a parent: a P-256 key with a self-signed certificate for TLS, and the Ed25519 identity that signs commands. Made
 * once, kept in files of this user alone, and never replaced silently: agents know the parent by its pin, which is that of the
 * key. The certificate may be renewed at any time, with the same key.
 */
import { createHash, createPrivateKey, createPublicKey, webcrypto, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { canonicalIp } from "../lib/ip.ts";
import { readPrivateFile, writePrivateFile } from "../store/private-file.ts";
import { WbError } from "../model/errors.ts";
import { Identity } from "../protocol/fleet/identity.ts";

const DAY_MS = 86_400_000;
const LIFETIME_MS = 3650 * DAY_MS;
/** Renewed so long before its end, so that no agent ever sees one that is over. */
const RENEW_MS = 180 * DAY_MS;
/** Agents' clocks may be behind. */
const BACKDATE_MS = 2 * DAY_MS;
const NAMES_MAX = 64;

export interface ServerKeys {
  /** PKCS #8. */
  readonly keyPem: string;
  readonly certificatePem: string;
  /** SHA-256 of the key's SubjectPublicKeyInfo (RFC 7469), base64url. */
  readonly pin: string;
  readonly identity: Identity;
}

function torn(path: string, what: string, loss: string, cause: unknown): WbError {
  return new WbError("storage", `${what} in ${path} is damaged`, {
    cause,
    hint: `put back a copy of it; without one remove it, and ${loss}`,
  });
}

const PIN_LOSS = "all agents must join anew, for the parent's pin changes";

/** Of a private key in PEM. Throws where it is none. */
export function pinOf(keyPem: string): string {
  const spki = createPublicKey(createPrivateKey(keyPem)).export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64url");
}

async function generateTlsKey(): Promise<string> {
  const pair = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", pair.privateKey));
  return createPrivateKey({ key: der, type: "pkcs8", format: "der" }).export({
    type: "pkcs8",
    format: "pem",
  });
}

/** Loads the certificate library, which only a new certificate needs. */
async function makeCertificate(keyPem: string, names: readonly string[], nowMs: number): Promise<string> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const key = createPrivateKey(keyPem);
  const { subtle } = webcrypto;
  const privateKey = await subtle.importKey(
    "pkcs8",
    new Uint8Array(key.export({ type: "pkcs8", format: "der" })),
    algorithm,
    false,
    ["sign"],
  );
  const publicKey = await subtle.importKey(
    "spki",
    new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" })),
    algorithm,
    true,
    ["verify"],
  );
  const alternatives = names.map((name) => {
    const ip = canonicalIp(name);
    return ip === undefined ? { type: "dns" as const, value: name } : { type: "ip" as const, value: ip };
  });
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ["WireBound parent"] }],
    keys: { privateKey, publicKey },
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + LIFETIME_MS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternatives),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return `${certificate.toString("pem").trim()}\n`;
}

/** Why a stored certificate can't be used any more; undefined where it can. */
export function certificateProblem(
  certificatePem: string,
  keyPem: string,
  names: readonly string[],
  nowMs: number,
): string | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch {
    return "it is damaged"; // it holds no secret and nobody pins it: a new one does as well
  }
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) return "it is of another key";
  if (Date.parse(certificate.validTo) - nowMs < RENEW_MS) return "it ends soon";
  if (Date.parse(certificate.validFrom) > nowMs) return "it is not valid yet";
  const missing = names.find((name) => {
    const ip = canonicalIp(name);
    return ip === undefined
      ? certificate.checkHost(name, { subject: "never" }) === undefined
      : certificate.checkIP(ip) === undefined;
  });
  return missing === undefined ? undefined : `it is not for ${missing}`;
}

/** Names that a certificate can carry: addresses without a zone, and host names. */
function usableNames(names: readonly string[]): string[] {
  const usable = ["localhost", "127.0.0.1", "::1", ...names]
    .map((name) => canonicalIp(name) ?? name.toLowerCase())
    .filter((name) => canonicalIp(name) !== undefined || /^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/.test(name));
  return [...new Set(usable)].slice(0, NAMES_MAX);
}

async function tlsKey(directory: string): Promise<string> {
  const path = join(directory, "tls-key.pem");
  const stored = readPrivateFile(path);
  if (stored !== undefined) {
    try {
      const key = createPrivateKey(stored);
      if (key.asymmetricKeyType !== "ec") throw new TypeError("it is no EC key");
      return stored;
    } catch (cause) {
      throw torn(path, "the TLS key", PIN_LOSS, cause);
    }
  }
  if (existsSync(join(directory, "tls-certificate.pem"))) {
    throw new WbError("storage", `the TLS key ${path} is missing, but its certificate is there`, {
      hint: `put the key back from a copy; without one remove tls-certificate.pem, and ${PIN_LOSS}`,
    });
  }
  const made = await generateTlsKey();
  writePrivateFile(path, made);
  return made;
}

function identityOf(directory: string): Identity {
  const path = join(directory, "identity.pem");
  const stored = readPrivateFile(path);
  if (stored === undefined) {
    const made = Identity.generate();
    writePrivateFile(path, made.toPem());
    return made;
  }
  try {
    return Identity.fromPem(stored);
  } catch (cause) {
    throw torn(path, "the parent's identity", "all agents must join anew", cause);
  }
}

/** For whom a certificate is. */
export interface CertificateNames {
  /** Host names and addresses that it must have: it is renewed where one is missing. */
  readonly needed: readonly string[];
  /** Those that a new one gets as well, such as the addresses of the moment. */
  readonly welcome: readonly string[];
}

/**
 * The keys in this directory, made where there are none. `renewed` is told why a certificate was replaced.
 * @throws WbError("storage") or WbError("permission") where a file is damaged, missing beside its pair, or open to others.
 */
export async function openServerKeys(
  directory: string,
  names: CertificateNames,
  nowMs: number,
  renewed: (reason: string) => void,
): Promise<ServerKeys> {
  const keyPem = await tlsKey(directory);
  const identity = identityOf(directory);
  const needed = usableNames(names.needed);
  const path = join(directory, "tls-certificate.pem");
  const stored = readPrivateFile(path);
  const problem = stored === undefined ? "absent" : certificateProblem(stored, keyPem, needed, nowMs);
  let certificatePem = stored ?? "";
  if (problem !== undefined) {
    const all = usableNames([...names.needed, ...names.welcome]);
    certificatePem = await makeCertificate(keyPem, all, nowMs);
    writePrivateFile(path, certificatePem);
    if (stored !== undefined) renewed(problem);
  }
  return { keyPem, certificatePem, pin: pinOf(keyPem), identity };
}
