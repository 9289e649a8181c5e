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
  /** After the client's FIN wait so many milliseconds, then close: the FIN does not come with its acknowledgement. */
  waitThenClose: 7,
  /** After the client's FIN wait 100 ms, then answer with so many bytes and close. */
  waitThenAnswer: 8,
  /** After the client's FIN answer with so many bytes, and close with linger 0 once they are there. */
  answerAfterEofAndReset: 9,
  /** After the client's FIN answer with so many bytes, and keep the connection until it is reset. */
  answerAfterEofAndStay: 10,
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

/** Ways of closing in which only one end can tell what happened: each is there to tempt an inference to be wrong. */
export const CLOSING_SCENARIOS = [
  "peer-closes-30-ms-later",
  "peer-closes-80-ms-later",
  "peer-closes-400-ms-later",
  "shut-then-closed-before-the-peer",
  "lingering-close",
  "closed-long-after-the-peer",
  "peer-answers-a-closed-socket",
  "half-closed-then-reset-by-peer",
  "half-closed-then-closed-unread",
  "closed-with-unread-answer",
  "end-of-stream-unread",
  "both-close-at-once",
] as const;

export type ClosingScenario = (typeof CLOSING_SCENARIOS)[number];

/** Connections that live on over several samples: opened, told to send more, told to close. */
export const LONG_LIVED_STEPS = ["open", "more", "close"] as const;
