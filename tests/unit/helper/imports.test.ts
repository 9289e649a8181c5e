/**
 * What the privileged process may ever load, by following every import from its command on: no server, no screen, no
 * database, no plugin, and of packages only the one that reads CBOR.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const ROOT = join(import.meta.dir, "../../..");

/** Files and packages that a file imports, at once or later; types are gone before anything runs. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), "utf8").replaceAll(/^\s*(?:import|export) type\s[^;]*;/gms, "");
  const patterns = [
    /^\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"/gms,
    /^import\s+"([^"]+)"/gm,
    /\bimport\("([^"]+)"\)/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ""));
}

function reachable(start: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    if (!path.endsWith(".ts")) return;
    for (const name of importsOf(path)) {
      if (name.startsWith(".")) visit(normalize(join(dirname(path), name)));
      else packages.add(name);
    }
  };
  visit(start);
  return { files, packages };
}

test("the helper loads nothing that it does not need", () => {
  const { files, packages } = reachable("src/cli/helper-run.ts");
  const foreign = [...packages].filter((name) => !/^(?:node|bun):|^bun$/.test(name));
  expect(foreign.sort()).toEqual(["cbor-x/decode", "cbor-x/encode"]);
  expect([...packages].filter((name) => /sqlite|http|net$|worker/.test(name))).toEqual([]);
  const rooms = new Set([...files].map((path) => relative("src", path).split("/")[0]));
  for (const room of [
    "tui",
    "web",
    "server",
    "store",
    "plugin",
    "sandbox",
    "engine",
    "session",
    "telemetry",
    "agent",
  ]) {
    expect([room, rooms.has(room)]).toEqual([room, false]);
  }
  expect([...files].filter((path) => path.startsWith("src/cli/")).sort()).toEqual([
    "src/cli/helper-run.ts",
    "src/cli/output.ts",
    "src/cli/stop-signal.ts",
  ]);
});
