/** Cells: units aligned, marks where a number is not exact, a dash where there is none. */
import { describe, expect, test } from "bun:test";
import {
  bytesSpans,
  countSpans,
  endpoint,
  flowCertainty,
  groupCertainty,
  idleText,
  percentText,
  processText,
  stateGlyph,
  type Certainty,
} from "../../../src/tui/cells.ts";
import type { Group } from "../../../src/model/query.ts";
import { flowOf, processOf } from "./fixtures.ts";

function bytes(value: number, certainty: Certainty): string {
  return bytesSpans(value, certainty)
    .map((span) => span.text)
    .join("");
}

test("byte counts are nine cells wide, whatever they are", () => {
  expect(bytes(0, "exact")).toBe("    0 B  ");
  expect(bytes(999, "exact")).toBe("  999 B  ");
  expect(bytes(1_234_567, "approximate")).toBe("~1.18 MiB");
  expect(bytes(2 ** 52, "lower-bound")).toBe("≥4.00 PiB");
  expect(bytes(123, "uncounted")).toBe("    —    ");
});

describe("certainty", () => {
  test("of a flow", () => {
    expect(flowCertainty(flowOf("a"))).toBe("exact");
    expect(flowCertainty(flowOf("a", { uncertaintyBytes: 1 }))).toBe("approximate");
    expect(flowCertainty(flowOf("a", { uncertaintyBytes: undefined }))).toBe("lower-bound");
    expect(flowCertainty(flowOf("a", { bytesMeaning: "none", bytesSent: undefined }))).toBe("uncounted");
  });

  const group: Group = {
    by: "process",
    key: "k",
    label: "l",
    connections: 2,
    closedConnections: 1,
    processCount: 1,
    addressCount: 1,
    uncountedConnections: 0,
    uncertaintyBytes: 0,
    firstSeenMs: 0,
    lastActivityMs: 0,
    process: undefined,
    topFlow: flowOf("a"),
    bytesSent: 5,
    bytesReceived: 5,
    sendBytesPerSecond: 0,
    receiveBytesPerSecond: 0,
  };

  test("of a group is that of its worst flow", () => {
    expect(groupCertainty(group)).toBe("exact");
    expect(groupCertainty({ ...group, uncertaintyBytes: 3 })).toBe("approximate");
    expect(groupCertainty({ ...group, uncertaintyBytes: undefined })).toBe("lower-bound");
    expect(groupCertainty({ ...group, uncountedConnections: 1 })).toBe("lower-bound");
    expect(groupCertainty({ ...group, uncountedConnections: 3, bytesSent: 0, bytesReceived: 0 })).toBe(
      "uncounted",
    );
  });
});

test("processes say how they are known", () => {
  expect(processText(flowOf("a"))).toBe("curl");
  expect(processText(flowOf("a", { attribution: "inferred" }))).toBe("curl?");
  expect(processText(flowOf("a", { process: processOf("nginx", 1), owners: ["1", "2", "3"] }))).toBe(
    "nginx+2",
  );
  expect(processText(flowOf("a", { process: undefined, attribution: "not_visible" }))).toBe("not visible");
  expect(processText(flowOf("a", { process: undefined, attribution: "unknown" }))).toBe("unknown");
});

test("states can be told apart without colour", () => {
  const glyphs = [
    flowOf("a"),
    flowOf("a", { state: "listen" }),
    flowOf("a", { state: "syn_sent" }),
    flowOf("a", { closed: true }),
  ].map(stateGlyph);
  expect(glyphs).toEqual(["●", "○", "◌", "×"]);
});

test("small things", () => {
  expect(endpoint("2001:db8::1", 443)).toBe("[2001:db8::1]:443");
  expect(endpoint("192.0.2.1", 80)).toBe("192.0.2.1:80");
  expect(percentText(undefined)).toBe("—");
  expect(percentText(0.0321)).toBe("3.2%");
  expect(percentText(1.04)).toBe("104%");
  expect(idleText(1000, 500)).toBe("now");
  expect(idleText(61_000, 0)).toBe("1m 01s");
  expect(
    countSpans(1_234_567_890, 7)
      .map((span) => span.text)
      .join(""),
  ).toBe("   1e+9");
});
