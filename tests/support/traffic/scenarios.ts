/**
 * The ways of talking TCP that byte counts must survive: one table, used by the client, by the tests on the capture and
 * by those on the compiled binary.
 */

/** What the server does, told by the first eight bytes of a connection: a command and a number. */
export const COMMANDS = {
  /** Answer with so many bytes after the client's FIN, then close. */
  answerAfterEof: 1,
  /** Answer with so many bytes at once, then close after the client's FIN. */
  answerThenWait: 2,
  /** Answer with so many bytes and close: the server closes first. */
  answerAndClose: 3,
  /** Answer with so many bytes, and close with linger 0 once all has come. */
  answerAndReset: 4,
  /** Answer by sendfile, then close after the client's FIN. */
  sendFile: 5,
  /** Answer, shut the sending side down, and read on until the client's FIN. */
  halfClose: 6,
} as const;

export const HEADER_BYTES = 8;

export type Family = "ipv4" | "ipv6" | "v4-mapped";
export const FAMILIES: readonly Family[] = ["ipv4", "ipv6", "v4-mapped"];

export const SCENARIOS = [
  "short-client-closes",
  "short-server-closes",
  "sequential-500",
  "parallel-200",
  "half-closed-by-client",
  "half-closed-by-server",
  "reset-by-client",
  "reset-by-server",
  "reset-without-reading",
  "write-to-closed-peer",
  "write-to-closed-peer-after-eof",
  "sendfile",
  "non-blocking-partial",
  "bulk-both-ways",
  "no-payload",
] as const;

export type Scenario = (typeof SCENARIOS)[number];

/** Connections that live on over several samples: opened, told to send more, told to close. */
export const LONG_LIVED_STEPS = ["open", "more", "close"] as const;
