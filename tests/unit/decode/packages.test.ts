/** What dpkg and rpm say of packages, and what nobody should say. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  DpkgStatusReader,
  mergedNames,
  packageOfList,
  parseDiversions,
  type DpkgPackage,
} from "../../../src/decode/dpkg.ts";
import { parseRpmAnswer } from "../../../src/decode/rpm.ts";

function packagesIn(bytes: Uint8Array): DpkgPackage[] {
  const found: DpkgPackage[] = [];
  const reader = new DpkgStatusReader((each) => found.push(each));
  let start = 0;
  for (let end = 0; end <= bytes.length; end += 1) {
    if (end < bytes.length && bytes[end] !== 10) continue;
    reader.line(Buffer.from(bytes), start, end);
    start = end + 1;
  }
  reader.end();
  return found;
}

const STATUS = `Package: coreutils
Essential: yes
Status: install ok installed
Maintainer: Michael Stone <mstone@debian.org>
Architecture: amd64
Version: 9.1-1
Description: GNU core utilities
 Package: not-this-one
 Version: 0
Version: 0

Package: removed
Status: deinstall ok config-files
Version: 1

Package: bare
status: install ok unpacked
Maintainer: "A, Inc." <a@example.org>
`;

describe("dpkg", () => {
  test("its status: installed packages, the first of each field, no addresses", () => {
    expect(packagesIn(new TextEncoder().encode(STATUS))).toEqual([
      { name: "coreutils", architecture: "amd64", version: "9.1-1", maintainer: "Michael Stone" },
      { name: "bare", architecture: "", version: "", maintainer: "A, Inc." },
    ]);
  });

  test("no bytes crash it", () => {
    const pieces = fc.array(
      fc.oneof(fc.constantFrom("Package:", "\n", "Status: x installed", " "), fc.string()),
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        for (const { name } of packagesIn(new TextEncoder().encode(parts.join(""))))
          expect(name).not.toBe("");
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => parseDiversions(text).every(({ from }) => from.startsWith("/"))),
    );
    fc.assert(fc.property(fc.string(), (text) => packageOfList(text)?.name !== ""));
  });

  test("diversions, lists, and the two names of a merged /usr", () => {
    expect(parseDiversions("/bin/sh\n/bin/sh.distrib\ndash\n/a\n/b\n")).toEqual([
      { from: "/bin/sh", to: "/bin/sh.distrib", by: "dash" },
    ]);
    expect(packageOfList("libc6:amd64.list")).toEqual({ name: "libc6", architecture: "amd64" });
    expect(packageOfList("bash.list")).toEqual({ name: "bash", architecture: "" });
    expect(packageOfList("bash.md5sums")).toBeUndefined();
    expect(mergedNames("/usr/bin/x")).toEqual(["/usr/bin/x", "/bin/x"]);
    expect(mergedNames("/lib/a/x")).toEqual(["/lib/a/x", "/usr/lib/a/x"]);
    expect(mergedNames("/usr/lib64/x")).toEqual(["/usr/lib64/x", "/lib64/x"]);
    expect(mergedNames("/usr/share/x")).toEqual(["/usr/share/x"]);
    expect(mergedNames("/opt/x")).toEqual(["/opt/x"]);
  });
});

describe("rpm", () => {
  test.each([
    ["Fedora Project\t(none)\t0\t5.2.26-3.fc40\n", { publisher: "Fedora Project", version: "5.2.26-3.fc40" }],
    ["(none)\tAnna <a@example.org>\t2\t1-1\nB\tC\t0\t9\n", { publisher: "Anna", version: "2:1-1" }],
    ["(none)\t(none)\t0\t1-1\n", { publisher: null, version: "1-1" }],
    ["file /bin/x is not owned by any package\n", undefined],
    ["", undefined],
  ])("%p", (text, owner) => expect(parseRpmAnswer(text)).toEqual(owner as never));
});
