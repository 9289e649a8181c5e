/**
 * The join token that a person hands from the parent to an agent: where the parent is, the pin of its TLS key, and a secret that is
 * good for a few uses and a short time. `wbj1.` and base64url of JSON, so that it survives mail and shells.
 */
import { z } from "zod";
import { WbError } from "../../model/errors.ts";
import { sha256, toBase64Url } from "./canonical.ts";

const PREFIX = "wbj1.";

const Token = z.strictObject({
  /** `host:port`, the best first. */
  h: z.array(z.string().min(1).max(300)).min(1).max(8),
  /** SHA-256 of the TLS key (SubjectPublicKeyInfo), base64url. */
  p: z.string().regex(/^[\w-]{43}$/),
  i: z.string().min(1).max(40),
  s: z.string().regex(/^[\w-]{43}$/),
});

export interface JoinToken {
  /** `host:port`, the best first. */
  readonly addresses: readonly string[];
  /** SHA-256 of the parent's TLS key (SubjectPublicKeyInfo, RFC 7469), base64url. */
  readonly pin: string;
  readonly id: string;
  readonly secret: string;
}

export function formatJoinToken(token: JoinToken): string {
  const { addresses: h, pin: p, id: i, secret: s } = token;
  return PREFIX + Buffer.from(JSON.stringify({ h, p, i, s })).toString("base64url");
}

/** @throws WbError("usage") where it is none. */
export function parseJoinToken(given: string): JoinToken {
  const text = given.trim();
  try {
    if (!text.startsWith(PREFIX)) throw new SyntaxError("no prefix");
    const { h, p, i, s } = Token.parse(
      JSON.parse(Buffer.from(text.slice(PREFIX.length), "base64url").toString("utf8")),
    );
    return { addresses: h, pin: p, id: i, secret: s };
  } catch (cause) {
    throw new WbError("usage", "this is no join token, or not all of it", {
      cause,
      hint: "copy the whole line that `wb serve token create` prints: it begins with wbj1.",
    });
  }
}

/** What the parent keeps of a token's secret: SHA-256, base64url. The secret is random, so that nothing slower is needed. */
export function joinSecretHash(secret: string): string {
  return toBase64Url(sha256(secret));
}
