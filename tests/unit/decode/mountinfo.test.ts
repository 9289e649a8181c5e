/** Where the unified cgroup hierarchy is mounted, and what `/` is, from /proc/PID/mountinfo as kernels and containers write it. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { cgroup2Directory, rootMount } from "../../../src/decode/mountinfo.ts";

const HYBRID = [
  "23 28 0:21 / /proc rw,relatime - proc proc rw",
  "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
  "36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices",
  "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw",
  "",
].join("\n");

describe("the cgroup directory", () => {
  test("is found among others, with and without optional fields", () => {
    expect(cgroup2Directory(HYBRID)).toBe("/sys/fs/cgroup/unified");
    expect(cgroup2Directory("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate")).toBe(
      "/sys/fs/cgroup",
    );
  });

  test("is the mount of the root where a part is mounted, too", () => {
    const part = "50 23 0:26 /system.slice /mnt/part rw master:1 shared:2 - cgroup2 none rw";
    expect(cgroup2Directory(`${part}\n${HYBRID}`)).toBe("/sys/fs/cgroup/unified");
    expect(cgroup2Directory(part)).toBe("/mnt/part");
  });

  test("may have blanks and letters of any kind in its name", () => {
    expect(cgroup2Directory("30 23 0:26 / /mnt/a\\040b\\134c\\011ü rw - cgroup2 none rw")).toBe(
      "/mnt/a b\\c\tü",
    );
  });

  test("is not there where only the old hierarchies are, or something is called so", () => {
    expect(cgroup2Directory(HYBRID.replace("- cgroup2", "- cgroup"))).toBeUndefined();
    expect(cgroup2Directory("30 23 0:26 / /cgroup2 rw - tmpfs cgroup2 rw")).toBeUndefined();
    expect(cgroup2Directory("")).toBeUndefined();
  });

  test("is never looked for beyond the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const found = cgroup2Directory(text);
        return found === undefined || typeof found === "string";
      }),
    );
    fc.assert(fc.property(fc.string(), (cut) => cgroup2Directory(HYBRID.slice(0, cut.length * 7)) !== ""));
  });
});

describe("the root", () => {
  const ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw";

  test("is found behind what was mounted before it, with the directory that is mounted", () => {
    expect(rootMount(`${HYBRID}${ROOT}\n`)).toEqual({ id: "27", directory: "254:0 /" });
    expect(rootMount("191 166 0:45 /a\\040b / ro shared:2 - btrfs /dev/sda rw")).toEqual({
      id: "191",
      directory: "0:45 /a\\040b",
    });
    // What was mounted over it is what is seen.
    expect(rootMount(`${ROOT}\n90 27 0:50 / / rw - overlay overlay rw\n`)?.id).toBe("90");
  });

  test("is no mount in a chroot, and never looked for beyond the text", () => {
    expect(rootMount(HYBRID)).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => rootMount(text)?.id !== ""));
  });
});
