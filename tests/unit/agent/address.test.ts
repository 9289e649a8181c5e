/** Addresses, proxies and NO_PROXY as people write them. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress } from "../../../src/agent/address.ts";
import { isExempt, parseProxy, proxyFor } from "../../../src/agent/proxy.ts";
import { WbError } from "../../../src/model/errors.ts";

function problem(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof WbError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

describe("an address", () => {
  test.each([
    ["parent.example", "parent.example:7443"],
    ["Parent.Example.:443", "parent.example:443"],
    ["https://parent.example:8443/", "parent.example:8443"],
    ["192.0.2.7", "192.0.2.7:7443"],
    ["192.0.2.7:1", "192.0.2.7:1"],
    ["2001:db8::7", "[2001:db8::7]:7443"],
    ["[2001:DB8:0::7]:99", "[2001:db8::7]:99"],
    ["[::1]", "[::1]:7443"],
  ])("%s is %s", (given, expected) => {
    expect(formatAddress(parseAddress(given))).toBe(expected);
  });

  test.each([
    "",
    ":7443",
    "host:0",
    "host:65536",
    "host:x",
    "a b",
    "http://host",
    "host/path",
    "[host",
    "1.2.3",
    "-x",
  ])("%p is none", (given) => {
    expect(problem(() => parseAddress(given))).toBe(
      `usage: ${JSON.stringify(given)} is not the address of a parent`,
    );
  });

  test("whatever is written, it is an address that is written alike again, or refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (given) => {
        const told = problem(() => {
          const text = formatAddress(parseAddress(given));
          expect(formatAddress(parseAddress(text))).toBe(text);
        });
        expect(told === "none" || told.startsWith("usage: ")).toBe(true);
      }),
    );
  });
});

describe("a proxy", () => {
  test("is an address, perhaps with a name and a password", () => {
    expect(parseProxy("http://proxy.example:3128")).toEqual({
      host: "proxy.example",
      port: 3128,
      isSecure: false,
      authorization: undefined,
    });
    expect(parseProxy("proxy.example")).toMatchObject({ port: 80 });
    expect(parseProxy("https://[2001:db8::1]")).toMatchObject({
      host: "2001:db8::1",
      port: 443,
      isSecure: true,
    });
    expect(parseProxy("http://us%40er:pa%3Ass@p:1").authorization).toBe(
      `Basic ${Buffer.from("us@er:pa:ss").toString("base64")}`,
    );
    expect(problem(() => parseProxy("socks5://p:1080"))).toBe(
      "config: a proxy of the kind socks5 can't be used",
    );
    expect(problem(() => parseProxy("http://"))).toBe('config: "http://" is not the address of a proxy');
    expect(problem(() => parseProxy("http://p:99999"))).toStartWith("config: ");
    expect(parseProxy("http://%zz@p:1").authorization).toBe(
      `Basic ${Buffer.from("%zz:").toString("base64")}`,
    );
    expect(problem(() => parseProxy("http://p/../x y"))).toBe("none");
  });

  test("is chosen by name, then by the environment, and not for what NO_PROXY names", () => {
    const target = { host: "parent.example", port: 7443 };
    const env = { HTTPS_PROXY: "", https_proxy: "http://b:2", ALL_PROXY: "http://c:3" };
    expect(proxyFor(target, "http://a:1", env)?.host).toBe("a");
    expect(proxyFor(target, undefined, env)?.host).toBe("b");
    expect(proxyFor(target, undefined, { all_proxy: "http://d:4" })?.host).toBe("d");
    expect(proxyFor(target, "none", env)).toBeUndefined();
    expect(proxyFor(target, undefined, { ...env, no_proxy: ".example" })).toBeUndefined();
    expect(proxyFor(target, undefined, {})).toBeUndefined();
  });

  test.each([
    ["*", "any.example", true],
    ["example", "parent.example", true],
    [".example", "parent.example", true],
    ["*.example", "parent.example", true],
    ["ample", "parent.example", false],
    ["PARENT.example", "parent.example", true],
    ["other, parent.example:7443", "parent.example", true],
    ["parent.example:1", "parent.example", false],
    ["10.0.0.0/8", "10.9.8.7", true],
    ["10.0.0.0/8", "11.9.8.7", false],
    ["10.1.2.128/25", "10.1.2.127", false],
    ["10.9.8.7", "10.9.8.7", true],
    ["8.7", "10.9.8.7", false],
    ["2001:db8::/32", "2001:db8::7", true],
    ["2001:db8::7", "2001:db8::7", true],
    ["[2001:db8::7]:7443", "2001:db8::7", true],
    ["10.0.0.0/99", "10.9.8.7", false],
    ["", "parent.example", false],
  ])("NO_PROXY=%s for %s: %p", (list, host, expected) => {
    expect(isExempt(list, { host, port: 7443 })).toBe(expected);
  });

  test("no list of exceptions makes it fail", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.constantFrom("parent.example", "10.0.0.1", "2001:db8::1"),
        (list, host) => {
          expect(typeof isExempt(list, { host, port: 1 })).toBe("boolean");
        },
      ),
    );
  });
});
