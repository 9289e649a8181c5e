/** The libraries that a binary carries: opened from a private directory that is gone at once, and from no other. */
import { describe, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { findLibraries } from "../../ebpf/libraries.ts";
import type { EmbeddedLibrary } from "../../src/capture/linux/ebpf/files.ts";
import { testWith, type Need } from "../support/needs.ts";
import type { OpenAnswer, OpenRequest } from "../support/ebpf-open.ts";

const NEEDS: readonly Need[] = ["root", "program:llvm-readelf"];
const SCRIPT = join(import.meta.dir, "../support/ebpf-open.ts");

async function libraries(): Promise<readonly EmbeddedLibrary[]> {
  const found = await findLibraries(process.arch === "arm64" ? "arm64" : "x64");
  if ("missing" in found) throw new Error(found.missing);
  return found.libraries;
}

/** A directory that only root may write to, all the way up: the system's temporary one is everybody's. */
function rootsDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync("/run/wb-test-");
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function open(request: OpenRequest, prefix: readonly string[] = []): OpenAnswer {
  const command = [...prefix, process.execPath, SCRIPT, JSON.stringify(request)];
  const child = Bun.spawnSync(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  expect(child.stderr.toString()).toBe("");
  return JSON.parse(child.stdout.toString()) as OpenAnswer;
}

describe("carried libraries", () => {
  testWith(NEEDS, "come in the order in which they need each other, libbpf last", async () => {
    const names = (await libraries()).map(({ soname }) => soname);
    expect(names.at(-1)).toBe("libbpf.so.1");
    expect(names.indexOf("libz.so.1")).toBeLessThan(names.indexOf("libelf.so.1"));
    expect(names).not.toContain("libc.so.6");
  });

  testWith(NEEDS, "are used, and leave no file", async () => {
    using directory = rootsDirectory();
    const answer = open({ libraries: await libraries(), parents: [directory.path] });
    expect(answer.error).toBeUndefined();
    const names = answer.mapped.map((file) => file.replace(/^.*\/wirebound-libraries-\w{6}\//, ""));
    expect(names.sort()).toEqual((await libraries()).map(({ soname }) => `${soname} (deleted)`).sort());
    expect(readdirSync(directory.path)).toEqual([]);
  });

  testWith(
    NEEDS,
    "are not opened where others may write, behind a link, or in another user's directory",
    async () => {
      using directory = rootsDirectory();
      const shared = join(directory.path, "shared");
      mkdirSync(shared);
      const places = {
        shared,
        below: join(shared, "below"),
        foreign: join(directory.path, "foreign"),
        link: join(directory.path, "link"),
        missing: join(directory.path, "missing"),
      };
      mkdirSync(places.below, { mode: 0o700 });
      mkdirSync(places.foreign, { mode: 0o700 });
      symlinkSync("/run", places.link);
      expect(Bun.spawnSync(["chmod", "1777", shared]).exitCode).toBe(0);
      expect(Bun.spawnSync(["chown", "65534", places.foreign]).exitCode).toBe(0);
      const answer = open({ libraries: await libraries(), parents: Object.values(places) });
      // Then the system's own is taken, from where the loader looks.
      expect(answer.error).toBeUndefined();
      expect(answer.mapped.filter((file) => file.startsWith(directory.path))).toEqual([]);
      expect(answer.mapped.filter((file) => file.includes("libbpf")).length).toBe(1);
      for (const place of [places.shared, places.foreign])
        expect(readdirSync(place).filter((name) => name !== "below")).toEqual([]);
    },
  );

  testWith(
    [...NEEDS, "program:unshare"],
    "come from the next place where nothing can be executed",
    async () => {
      using directory = rootsDirectory();
      const [noexec, good] = [join(directory.path, "noexec"), join(directory.path, "good")];
      mkdirSync(noexec);
      mkdirSync(good);
      const mount = `mount -t tmpfs -o noexec,mode=755 none ${noexec} && exec "$@"`;
      const answer = open({ libraries: await libraries(), parents: [noexec, good] }, [
        "unshare",
        "--mount",
        "sh",
        "-c",
        mount,
        "sh",
      ]);
      expect(answer.error).toBeUndefined();
      expect(answer.mapped.length).toBeGreaterThanOrEqual(3);
      for (const file of answer.mapped) expect(file).toStartWith(`${good}/wirebound-libraries-`);
    },
  );

  testWith([...NEEDS, "program:unshare"], "that can't be had at all are told with every reason", async () => {
    const hide =
      "for f in /usr/lib*/libbpf.so.1 /usr/lib/*/libbpf.so.1; do [ -e $f ] && mount --bind /dev/null $f; done";
    const answer = open({ libraries: await libraries(), parents: ["/nowhere", "/tmp"] }, [
      "unshare",
      "--mount",
      "sh",
      "-c",
      `${hide}; exec "$@"`,
      "sh",
    ]);
    expect(answer.error?.code).toBe("unavailable");
    expect(answer.error?.message).toContain("/nowhere: ");
    expect(answer.error?.message).toContain("/tmp is not a directory that only this user may change");
    expect(answer.error?.hint).toContain("libbpf1");
  });
});
