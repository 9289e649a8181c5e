/** How errors reach a person: lines, hints, exit codes. */
import { describe, expect, test } from "bun:test";
import { CommanderError } from "commander";
import { fromCommander, reportOf } from "../../../src/cli/errors.ts";
import { ClosedOutputError } from "../../../src/cli/output.ts";
import { type ErrorCode, EXIT_CODES, WbError } from "../../../src/model/errors.ts";

describe("reportOf", () => {
  test("an error of ours: message, hint, and the exit code of its kind", () => {
    const error = new WbError("usage", "no such thing", { hint: "try another" });
    expect(reportOf(error, false)).toEqual({
      lines: ["wb: no such thing", "hint: try another"],
      exitCode: 2,
    });
    expect(reportOf(new WbError("storage", "no space"), false)).toEqual({
      lines: ["wb: no space"],
      exitCode: 1,
    });
    const codes = Object.keys(EXIT_CODES).map((code) => [
      code,
      reportOf(new WbError(code as ErrorCode, "x"), false).exitCode,
    ]);
    expect(Object.fromEntries(codes)).toEqual(EXIT_CODES);
    expect(EXIT_CODES).toMatchObject({ usage: 2, config: 2, permission: 4, unsupported: 1, internal: 1 });
  });

  test("a reader that went away is no error", () => {
    expect(reportOf(new ClosedOutputError(), false)).toEqual({ lines: [], exitCode: 0 });
  });

  test("a defect asks to be reported, and shows where it was only if asked", () => {
    const quiet = reportOf(new TypeError("x is undefined"), false);
    expect(quiet.exitCode).toBe(1);
    expect(quiet.lines).toEqual([
      "wb: a defect of wb itself: TypeError: x is undefined",
      expect.stringMatching(
        /^hint: please report it with what you ran; WB_DEBUG=1 shows where it happened \(wb \d/,
      ),
    ]);
    const loud = reportOf(new WbError("internal", "a", { cause: new Error("deep") }), true);
    expect(loud.lines.some((line) => line.includes("errors.test.ts"))).toBe(true);
    expect(loud.lines.some((line) => line.includes("Error: deep"))).toBe(true);
    expect(reportOf("text", false).lines[0]).toBe("wb: a defect of wb itself: text");
  });

  test("no message steers the terminal", () => {
    const { lines } = reportOf(new WbError("usage", "a\u001b[2Jb\nc", { hint: "\u009b1m" }), false);
    expect(lines).toEqual(["wb: a\u{fffd}[2Jb\u{fffd}c", "hint: \u{fffd}1m"]);
  });
});

describe("fromCommander", () => {
  test("its suggestion is the hint", () => {
    const error = new CommanderError(
      1,
      "commander.unknownOption",
      "error: unknown option '--jsno'\n(Did you mean --json?)",
    );
    const made = fromCommander(error, "wb monitor");
    expect([made.code, made.message, made.hint]).toEqual([
      "usage",
      "unknown option '--jsno'",
      "did you mean --json?",
    ]);
  });

  test("without one the hint is where to look", () => {
    const made = fromCommander(
      new CommanderError(1, "x", "error: missing required argument 'shell'"),
      "wb completions",
    );
    expect([made.message, made.hint]).toEqual([
      "missing required argument 'shell'",
      "`wb completions --help` lists what it takes",
    ]);
  });
});
