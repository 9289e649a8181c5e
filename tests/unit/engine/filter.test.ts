/** The filter language: what each key matches, what is refused and how, and that no text makes it slow or throw. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { matches, parseFilter } from "../../../src/engine/filter.ts";
import { matchesGlob } from "../../../src/engine/text-pattern.ts";
import { WbError } from "../../../src/model/errors.ts";
import { processInfo } from "../../support/batches.ts";
import { flow } from "../../support/flows.ts";

const curl = flow("curl", {
  process: processInfo(12, "curl", { path: "/usr/bin/curl", commandLine: ["curl", "-sS", "--max-time 5"] }),
  attribution: "exact",
  remoteHost: { name: "cdn.example.net", source: "ptr" },
  service: "https",
  bytesSent: 600,
  bytesReceived: 2_000_000,
  receiveBytesPerSecond: 150_000,
});
const listener = flow("listener", {
  state: "listen",
  localAddress: "::",
  localPort: 22,
  remoteAddress: "::",
  remotePort: 0,
  service: "ssh",
  userId: 0,
  userName: "root",
  attribution: "not_visible",
});
const dns = flow("dns", {
  protocol: "udp",
  state: "connected",
  localAddress: "10.1.2.3",
  remoteAddress: "2001:db8::53",
  remotePort: 53,
  bytesSent: undefined,
  bytesReceived: undefined,
  bytesMeaning: "none",
  uncertaintyBytes: undefined,
  userId: 101,
  userName: undefined,
});
const over = flow("over", { closed: true, state: "closed", process: processInfo(99, "curlew") });
const ALL = [curl, listener, dns, over];

/** The ids of the flows that match. */
function found(text: string): string[] {
  const filter = parseFilter(text);
  return ALL.filter((each) => matches(filter, each)).map((each) => each.id);
}

describe("a filter matches", () => {
  const everything = ["curl", "listener", "dns", "over"];
  const cases: readonly (readonly [text: string, ids: readonly string[]])[] = [
    ["", everything],
    ["   ", everything],
    ["process:curl", ["curl", "over"]],
    ["process:CURL", ["curl", "over"]],
    ['process:"curl"', ["curl"]],
    ["process:cur?", ["curl"]],
    ["process:c*w", ["over"]],
    ["path:/usr/bin/*", ["curl", "over"]],
    ['command:"curl -sS --max-time 5"', ["curl"]],
    ["command:max-time", ["curl"]],
    ["pid:12", ["curl"]],
    ["pid:>12", ["over"]],
    ["user:root", ["listener"]],
    ["user:roo", []],
    ["user:ro*,101", ["listener", "dns"]],
    ["user:1000", ["curl", "over"]],
    ["host:example", ["curl"]],
    ["host:*.example.net", ["curl"]],
    ["host:*.example", []],
    ["port:443", ["curl", "over"]],
    ["port:22,53", ["listener", "dns"]],
    ["port:<54", ["listener", "dns"]],
    ["port:50..60", ["dns"]],
    ["local:22", ["listener"]],
    ["local:192.0.2.10:40000", ["curl", "over"]],
    ["local::40000", ["curl", "dns", "over"]],
    ["local:[::]:22", ["listener"]],
    ["local:10.0.0.0/8", ["dns"]],
    ["remote:[2001:db8::53]:53", ["dns"]],
    ["remote:2001:db8::/32", ["dns"]],
    ["remote:cdn", ["curl"]],
    ["address:198.51.100.1", ["curl", "over"]],
    ["address:2001:DB8:0::53", ["dns"]],
    ["address:::ffff:10.1.0.0/112", ["dns"]],
    ["address:10.", ["dns"]],
    ["address:10.1.*.3", ["dns"]],
    ["address:10.1.2.2/31", ["dns"]],
    ["address:10.1.2.4/31", []],
    ["address:0.0.0.0/0", ["curl", "dns", "over"]],
    ["service:ssh", ["listener"]],
    ["proto:udp", ["dns"]],
    ["protocol:tcp,udp", everything],
    ["state:listen", ["listener"]],
    ["state:LISTEN,connected", ["listener", "dns"]],
    ["attribution:not-visible", ["listener"]],
    ["closed:yes", ["over"]],
    ["closed:no port:443", ["curl"]],
    ["received:>1M", ["curl"]],
    ["received:>2M", []],
    ["received:>=2M", ["curl"]],
    ["bytes:>1.9MiB", ["curl"]],
    ["bytes:<1", ["listener", "over"]],
    ["rate:>100k", ["curl"]],
    ["rate:>100kB/s", ["curl"]],
    ["sendrate:0", everything],
    ["-process:curl", ["listener", "dns"]],
    ["-state:listen,connected", ["curl", "over"]],
    ["!proto:tcp", ["dns"]],
    ["cdn", ["curl"]],
    ["curl", ["curl", "over"]],
    ["443", ["curl", "over"]],
    ["198.51", ["curl", "over"]],
    ["2001:db8::53", ["dns"]],
    ["root", ["listener"]],
    ["-curl -ssh", ["dns"]],
    ["ssh,cdn", ["curl", "listener"]],
    ['"-curl"', []],
    ["port:443 process:curl -closed:yes", ["curl"]],
  ];
  for (const [text, ids] of cases) {
    test(`\`${text}\``, () => {
      expect(found(text)).toEqual([...ids]);
    });
  }

  test("addresses that look like keys, and quoted ones", () => {
    const beef = flow("beef", { remoteAddress: "dead:beef::1", process: processInfo(1, 'a "b", c:d') });
    for (const text of ["dead:beef::1", '"a \\"b\\", c:d"', 'process:"b\\", c:"*', "-process:x"]) {
      expect([text, matches(parseFilter(text), beef)]).toEqual([text, text !== 'process:"b\\", c:"*']);
    }
  });
});

function problemOf(text: string): readonly [string, string | undefined] {
  try {
    parseFilter(text);
  } catch (error) {
    if (error instanceof WbError) return [error.message, error.hint];
    throw error;
  }
  return ["", undefined];
}

describe("a filter is refused", () => {
  test("with the place, and with what may stand there", () => {
    expect(problemOf("port:443 prcess:curl")).toEqual([
      'filter, character 10: there is no key "prcess:"',
      "Did you mean process:? Keys: process, path, command, pid, opener, user, host, address, port, local, remote, service, proto, state, namespace, attribution, closed, sent, received, bytes, sendrate, receiverate, rate. Put text with a colon in quotes.",
    ]);
    expect(problemOf("port:80,https")).toEqual([
      'filter, character 9: port: can\'t be "https"',
      "It takes a port, or a comparison such as >1024 or 8000..8999.",
    ]);
    expect(problemOf("proto:ipx")).toEqual([
      'filter, character 7: proto: can\'t be "ipx"',
      "It takes one of tcp, udp, mptcp, udplite, sctp, dccp, icmp, raw.",
    ]);
    expect(problemOf("port:")[0]).toBe("filter, character 6: nothing stands after port:");
    expect(problemOf("a -")[0]).toBe("filter, character 4: nothing stands after the -");
    expect(problemOf('a "b')[0]).toBe("filter, character 3: a quote is opened and not closed");
    expect(problemOf("port:65536")[0]).toBe('filter, character 6: port: can\'t be "65536"');
    expect(problemOf("address:10.0.0.0/33")[0]).toBe('filter, character 9: address: can\'t be "10.0.0.0/33"');
    expect(problemOf("constructor:x")[0]).toBe('filter, character 1: there is no key "constructor:"');
    expect(problemOf("port:\u001b[2J")[0]).toBe('filter, character 6: port: can\'t be "\u{fffd}[2J"');
    expect(problemOf("x".repeat(5000))[0]).toBe("the filter is longer than 4096 characters");
    expect(problemOf("x ".repeat(200))[0]).toBe("the filter has more than 100 terms");
  });
});

describe("for any text", () => {
  const alphabet = fc.constantFrom(...'process:port-!"\\,*? >=<.[]/0129:abfKMi\u0000\u001bé'.split(""));
  const texts = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(alphabet, { maxLength: 60, size: "max" }).map((letters) => letters.join("")),
  );

  test("is understood, or refused by a usage error", () => {
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const filter = parseFilter(text);
          for (const each of ALL) expect(typeof matches(filter, each)).toBe("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(WbError);
          expect((error as WbError).code).toBe("usage");
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("globs agree with regular expressions, and are never slow", () => {
    const letters = fc
      .array(fc.constantFrom("a", "b", "*", "?"), { maxLength: 12 })
      .map((each) => each.join(""));
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        const same = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
        expect(matchesGlob(pattern, text)).toBe(same.test(text));
      }),
      { numRuns: 2000 },
    );
    const start = performance.now();
    expect(matchesGlob(`${"*a".repeat(1000)}b`, "a".repeat(4000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
