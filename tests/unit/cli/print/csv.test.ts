/** `--csv`: RFC 4180, and cells that no spreadsheet runs. */
import { describe, expect, test } from "bun:test";
import { csvText, writeCsv } from "../../../../src/cli/print/csv.ts";
import { connections, flow, START_MS, TextOutput, UDP_FLOW } from "../fake-snapshot.ts";

const KNOWN = { ratesKnown: true };

describe("csv", () => {
  test("RFC 4180: header, CRLF, quotes, empty for what is not known", async () => {
    const output = new TextOutput();
    await writeCsv(output, connections([flow(), UDP_FLOW]), KNOWN);
    const lines = output.text.split("\r\n");
    expect(lines[0]?.startsWith("id,pid,processName,processPath,commandLine,")).toBe(true);
    expect(lines[1]).toBe(
      `cookie-1,4242,curl,/usr/bin/curl,"[""curl"",""-s"",""https://example.org/""]",1,${START_MS - 5000},ada,1000,"[4242,4300]",exact,tcp,192.0.2.1,50000,198.51.100.7,443,example.org,ptr,https,established,1000,2000000,payload,0,600,1500000,12.3,5000.1,${START_MS},${START_MS + 900},false,,,,`,
    );
    expect(
      lines[2]?.startsWith("cookie-2,,,,,,,,,[],not_visible,udp,::,53,::,0,,,,unconnected,,,none,,,,,,"),
    ).toBe(true);
    expect(lines).toHaveLength(4);
  });

  test("formulas are guarded, control characters replaced", () => {
    expect(["=1+1", "+1", "-x", "@a", "\tx", "a=b", "", 'a"b', "a,b", " a"].map(csvText)).toEqual([
      "'=1+1",
      "'+1",
      "'-x",
      "'@a",
      "'\u{fffd}x",
      "a=b",
      "",
      '"a""b"',
      '"a,b"',
      '" a"',
    ]);
    expect(csvText("a\r\n\u001b[2J")).toBe("a\u{fffd}\u{fffd}\u{fffd}[2J");
  });
});
