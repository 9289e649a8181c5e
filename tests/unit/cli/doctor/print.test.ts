/** The doctor's words: one line per check, remedies, the last line; and the document. */
import { expect, test } from "bun:test";

import type { Check } from "../../../../src/cli/doctor/check.ts";
import { findingsDocument, findingsText } from "../../../../src/cli/doctor/print.ts";
import { VERSION } from "../../../../src/model/version.ts";

const CHECKS: readonly Check[] = [
  {
    id: "capture",
    title: "Capture",
    status: "ok",
    detail: "sock_diag: 7 sockets in 0.4 ms",
    data: { sockets: 7 },
  },
  {
    id: "processes",
    title: "Processes",
    status: "warn",
    detail: "your own only",
    remedy: "run `sudo wb monitor`",
  },
  { id: "terminal", title: "Terminal", status: "skip", detail: "not a terminal" },
];
const PLAIN = { width: 80, utf8: true, colours: false };

test("says what was found, what can be done, and how it is altogether", () => {
  expect(findingsText(CHECKS, PLAIN)).toBe(
    [
      "✓ Capture              sock_diag: 7 sockets in 0.4 ms",
      "! Processes            your own only",
      "· Terminal             not a terminal",
      "",
      "What can be done",
      "! Processes: run `sudo wb monitor`",
      "",
      "wb works here; 1 thing could be better.",
      "",
    ].join("\n"),
  );
});

test("what one remedy mends is told together, by its worst", () => {
  const remedy = "Load the module";
  const checks: readonly Check[] = [
    { id: "capture", title: "Capture", status: "warn", detail: "slow", remedy },
    { id: "clock", title: "Clock", status: "ok", detail: "agrees" },
    { id: "exact_bytes", title: "Exact TCP bytes", status: "fail", detail: "off", remedy },
  ];
  expect(findingsText(checks, PLAIN)).toContain(
    "\nWhat can be done\n✗ Capture, Exact TCP bytes: Load the module\n",
  );
});

test("all well, or not at all", () => {
  const fine = findingsText([{ id: "clock", title: "Clock", status: "ok", detail: "agrees" }], PLAIN);
  expect(fine).toBe("✓ Clock                agrees\n\nwb works here, and nothing is missing.\n");
  const broken = findingsText(
    [{ id: "capture", title: "Capture", status: "fail", detail: "unsupported", remedy: "use wb on Linux" }],
    PLAIN,
  );
  expect(broken.split("\n")).toEqual([
    "✗ Capture              unsupported",
    "",
    "What can be done",
    "✗ Capture: use wb on Linux",
    "",
    "1 of 1 checks failed: wb can't do all of its work here.",
    "",
  ]);
});

test("without UTF-8 it is plain ASCII, with colours it is the same text", () => {
  // eslint-disable-next-line no-control-regex -- escape sequences are what this is about
  const uncoloured = findingsText(CHECKS, { ...PLAIN, colours: true }).replaceAll(/\u001b\[\d+m/g, "");
  expect(uncoloured).toBe(findingsText(CHECKS, PLAIN));
  expect(findingsText(CHECKS, { ...PLAIN, utf8: false })).toMatch(/^[\n -~]+$/);
});

test("long findings are folded under themselves, hostile ones can't steer the terminal", () => {
  const detail = `${"word ".repeat(20)}evil\u001b[2Jname`;
  const text = findingsText([{ id: "history", title: "History", status: "ok", detail }], {
    ...PLAIN,
    width: 60,
  });
  const lines = text.split("\n");
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
  expect(lines[1]).toStartWith(`${" ".repeat(23)}word`);
  expect(text).toContain("evil\u{fffd}[2Jname");
});

test("the document has every check, with nothing left out", () => {
  expect(findingsDocument(CHECKS, { host: "here", checkedAtMs: 5.4 })).toEqual({
    version: 1,
    wbVersion: VERSION,
    host: "here",
    checkedAtMs: 5,
    ok: true,
    checks: [
      {
        id: "capture",
        title: "Capture",
        status: "ok",
        detail: "sock_diag: 7 sockets in 0.4 ms",
        remedy: null,
        data: { sockets: 7 },
      },
      {
        id: "processes",
        title: "Processes",
        status: "warn",
        detail: "your own only",
        remedy: "run `sudo wb monitor`",
        data: {},
      },
      { id: "terminal", title: "Terminal", status: "skip", detail: "not a terminal", remedy: null, data: {} },
    ],
  });
  const failed: Check = { id: "clock", title: "Clock", status: "fail", detail: "" };
  expect(findingsDocument([failed], { host: "here", checkedAtMs: 0 })["ok"]).toBe(false);
});
