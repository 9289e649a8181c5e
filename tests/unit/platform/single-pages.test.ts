/** Which pages of memory are single ones, and that they are given back. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { SinglePages } from "../../../src/platform/single-pages.ts";

const SOURCE = join(import.meta.dir, "../../../src/platform/resident-memory.ts");

/** Pages of files in KiB, of a program that gives back what it has and then does a little of this and that. */
function filePagesAfter(call: "releaseCleanPages" | "keepTouchedPagesOnly"): number {
  const script = `
    const { ${call} } = await import(${JSON.stringify(SOURCE)});
    const { Database } = await import("bun:sqlite");
    ${call}();
    const database = new Database(":memory:");
    const [row] = database.query("SELECT json_array(1, 2, 3) AS list").all();
    const hash = new Bun.CryptoHasher("sha256").update(JSON.parse(row.list).join()).digest("hex");
    const status = await Bun.file("/proc/self/status").text();
    console.log(hash.length, /^RssFile:\\s+(\\d+) kB$/m.exec(status)[1]);`;
  const child = Bun.spawnSync([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
  const [length, kibibytes] = child.stdout.toString().trim().split(" ").map(Number);
  if (length !== 64 || kibibytes === undefined) throw new Error(child.stderr.toString());
  return kibibytes;
}

test.if(SinglePages.open() !== undefined)("only pages that are touched come back", () => {
  expect(filePagesAfter("keepTouchedPagesOnly")).toBeLessThan(filePagesAfter("releaseCleanPages") / 2);
});

test.if(SinglePages.open() !== undefined)(
  "what is no memory of this process is refused, and stays so",
  () => {
    const pages = SinglePages.open();
    expect(pages?.register({ start: 4096, length: 4096 })).toBe(false);
    expect(pages?.register({ start: 1, length: 3 })).toBe(false);
  },
);
