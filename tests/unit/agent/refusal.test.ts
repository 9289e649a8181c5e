/** What a person reads of a refusal or of silence: why, and what to do, in one line that steers no terminal. */
import { expect, test } from "bun:test";
import { standingOf, wordsOf, type Failure } from "../../../src/agent/refusal.ts";
import { WbError } from "../../../src/model/errors.ts";

function refused(code: "removed" | "bad_request", message: string, hint?: string): Failure {
  const error = hint === undefined ? { code, message } : { code, message, hint };
  return { kind: "refused", status: 400, error, retryAfterMs: undefined };
}

test("what the parent says, with its hint; what it says of the agent itself is said in our words", () => {
  expect(wordsOf(refused("bad_request", "no"))).toBe("the parent refuses: no");
  expect(wordsOf(refused("bad_request", "no\u001b[2J", "another version?"))).toBe(
    "the parent refuses: no\ufffd[2J (another version?)",
  );
  expect(wordsOf(refused("bad_request", "x".repeat(1000)))).toHaveLength(400);
  expect(standingOf(refused("removed", "go"))).toBe("removed");
  expect(wordsOf(refused("removed", "go"))).toStartWith("the parent has removed it: join it anew");
});

test("why it can't be reached, and what to do", () => {
  const error = new WbError("unavailable", "it can't be reached", { hint: "is it running?" });
  expect(wordsOf({ kind: "unreachable", error })).toBe("it can't be reached (is it running?)");
});
