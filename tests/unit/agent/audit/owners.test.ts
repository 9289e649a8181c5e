/** Which package a file belongs to, by a dpkg database that the test makes, by a real one of rpm, and by what answers as rpm does. */
import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { describe, expect, test } from "bun:test";
import { DpkgIndex } from "../../../../src/agent/audit/dpkg-index.ts";
import { FileOwners } from "../../../../src/agent/audit/owners.ts";
import { RpmQuery } from "../../../../src/agent/audit/rpm-query.ts";
import { testWith } from "../../../support/needs.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

async function database(
  path: string,
  packages: Readonly<Record<string, { version: string; files: readonly string[] }>>,
  diversions = "",
): Promise<void> {
  await mkdir(`${path}/info`, { recursive: true });
  let status = "";
  for (const [list, { version, files }] of Object.entries(packages)) {
    const [name, architecture = "all"] = list.split(":");
    status += `Package: ${name}\nStatus: install ok installed\nArchitecture: ${architecture}\nMaintainer: M of ${name} <m@x.org>\nVersion: ${version}\n\n`;
    await writeFile(`${path}/info/${list}.list`, `${["/.", "/usr", "/usr/bin", ...files].join("\n")}\n`);
  }
  await writeFile(`${path}/status`, status);
  await writeFile(`${path}/diversions`, diversions);
}

describe("dpkg", () => {
  test("a file, its other name, a directory, and a file that nobody has", async () => {
    await using directory = await tmpdir();
    await database(directory.path, {
      one: { version: "1.0", files: ["/usr/bin/one", "/bin/old"] },
      "two:amd64": { version: "2.0", files: ["/usr/lib/two", "/usr/lib/two/run", "/usr/share/doc/two/x"] },
    });
    const index = new DpkgIndex(directory.path);
    expect(await index.owner("/usr/bin/one")).toEqual({ publisher: "M of one", version: "1.0" });
    expect(await index.owner("/usr/bin/old")).toEqual({ publisher: "M of one", version: "1.0" });
    expect(await index.owner("/usr/lib/two/run")).toEqual({ publisher: "M of two", version: "2.0" });
    expect(await index.owner("/usr/lib/two")).toBeUndefined();
    expect(await index.owner("/usr/share/doc/two/x")).toBeUndefined();
    expect(await index.owner("/usr/bin/onet")).toBeUndefined();
    index.close();
  });

  test("a diverted file is the package's that diverted it, and at the other place the others'", async () => {
    await using directory = await tmpdir();
    await database(
      directory.path,
      {
        aaa: { version: "1", files: ["/usr/bin/tool"] },
        better: { version: "2", files: ["/usr/bin/tool"] },
      },
      "/usr/bin/tool\n/usr/bin/tool.real\nbetter\n",
    );
    const index = new DpkgIndex(directory.path);
    expect((await index.owner("/usr/bin/tool"))?.version).toBe("2");
    expect((await index.owner("/usr/bin/tool.real"))?.version).toBe("1");
    index.close();
  });

  test("an upgrade is seen, and a database that goes away", async () => {
    await using directory = await tmpdir();
    await database(directory.path, { one: { version: "1.0", files: ["/usr/bin/one"] } });
    const index = new DpkgIndex(directory.path);
    expect((await index.owner("/usr/bin/one"))?.version).toBe("1.0");
    await database(directory.path, { one: { version: "2.0", files: ["/usr/bin/one", "/usr/bin/new"] } });
    await utimes(`${directory.path}/status`, 1, 1);
    expect((await index.owner("/usr/bin/one"))?.version).toBe("2.0");
    expect((await index.owner("/usr/bin/new"))?.version).toBe("2.0");
    await rm(`${directory.path}/status`);
    expect(await index.owner("/usr/bin/one")).toBeUndefined();
    index.close();
  });

  test("while packages are being installed, what dpkg has noted beside its status counts", async () => {
    await using directory = await tmpdir();
    await database(directory.path, { one: { version: "1.0", files: ["/usr/bin/one"] } });
    const index = new DpkgIndex(directory.path);
    expect((await index.owner("/usr/bin/one"))?.version).toBe("1.0");
    await mkdir(`${directory.path}/updates`);
    const note = (name: string, version: string): string =>
      `Package: ${name}\nStatus: install ok unpacked\nArchitecture: all\nMaintainer: M\nVersion: ${version}\n\n`;
    await writeFile(`${directory.path}/updates/0000`, note("one", "1.5"));
    await writeFile(`${directory.path}/updates/0001`, note("one", "2.0"));
    await writeFile(`${directory.path}/updates/0002`, note("new", "3.0"));
    await writeFile(`${directory.path}/updates/tmp.i`, note("one", "9.9"));
    await writeFile(`${directory.path}/info/new.list`, "/.\n/usr/bin/new\n");
    expect((await index.owner("/usr/bin/one"))?.version).toBe("2.0");
    expect((await index.owner("/usr/bin/new"))?.version).toBe("3.0");
    index.close();
  });

  test("no path of a person's is looked for", async () => {
    await using directory = await tmpdir();
    await database(directory.path, { one: { version: "1.0", files: ["/home/anna/x", "/opt/one/x"] } });
    const owners = new FileOwners(directory.path);
    expect(await owners.owner("/home/anna/x")).toBeUndefined();
    expect((await owners.owner("/opt/one/x"))?.version).toBe("1.0");
    owners.close();
  });
});

describe("rpm", () => {
  async function rpm(path: string, body: string): Promise<RpmQuery> {
    await writeFile(`${path}/rpm`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return new RpmQuery(`${path}/rpm`);
  }

  test("is asked one at a time, by name", async () => {
    await using directory = await tmpdir();
    const query = await rpm(
      directory.path,
      `[ "$1 $2" = "-qf --queryformat" ] || exit 2
       [ "$5" = /bin/a ] && printf 'V\\t(none)\\t0\\t%s\\n' "1-$5" || exit 1`,
    );
    expect(await Promise.all([query.owner("/bin/a"), query.owner("/bin/b")])).toEqual([
      { publisher: "V", version: "1-/bin/a" },
      undefined,
    ]);
  });

  const SPEC = `Name: wb-tiny
Version: 1.2
Release: 3
Epoch: 2
Summary: x
License: x
Vendor: Tiny Makers
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/opt/wb-tiny
printf x > %{buildroot}/opt/wb-tiny/run
printf x > "%{buildroot}/opt/wb-tiny/a b*c"
%files
/opt/wb-tiny/run
"/opt/wb-tiny/a b*c"
`;

  testWith(["program:rpm", "program:rpmbuild"], "says of a real database whose a file is", async () => {
    await using directory = await tmpdir();
    const at = directory.path;
    await writeFile(`${at}/x.spec`, SPEC);
    const run = (...words: string[]): void => {
      const { exitCode, stderr } = Bun.spawnSync(words, { env: { ...process.env, HOME: at } });
      expect(exitCode === 0 ? "" : stderr.toString()).toBe("");
    };
    run("rpmbuild", "-bb", "--define", `_topdir ${at}/build`, `${at}/x.spec`);
    const built = `${at}/build/RPMS/noarch/wb-tiny-1.2-3.noarch.rpm`;
    run("rpm", "--dbpath", `${at}/db`, "--justdb", "--nodeps", "-i", built);
    const query = await rpm(at, `exec rpm --dbpath '${at}/db' "$@"`);
    const tiny = { publisher: "Tiny Makers", version: "2:1.2-3" };
    const paths = ["/opt/wb-tiny/run", "/opt/wb-tiny/a b*c", "/opt/wb-tiny/none", "/usr/bin/env"];
    const owners = [tiny, tiny, undefined, undefined];
    expect(await Promise.all(paths.map((path) => query.owner(path)))).toEqual(owners);
  });

  test("may say what it likes, or not be there", async () => {
    await using directory = await tmpdir();
    const query = await rpm(directory.path, "head -c 3000000 /dev/zero");
    expect(await query.owner("/bin/a")).toBeUndefined();
    expect(await new RpmQuery(`${directory.path}/none`).owner("/bin/a")).toBeUndefined();
  });
});
