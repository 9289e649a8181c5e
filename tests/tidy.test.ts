/** The rules of the house, enforced: who may import whom, no cycles, lengths, first comments, dead files, one version. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { VERSION } from "../src/model/version.ts";

const ROOT = join(import.meta.dir, "..");
const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/** ARCHITECTURE.md's table. A room may always import itself. `layouts` is ffi/layout.ts alone: no native code. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  lib: [],
  decode: ["model", "lib", "layouts"],
  engine: ["model", "lib"],
  protocol: ["model", "lib"],
  store: ["model", "lib", "protocol"],
  sandbox: ["model", "lib", "protocol"],
  platform: ["model", "lib", "protocol", "ffi"],
  capture: ["model", "lib", "decode", "protocol", "platform", "ffi"],
  session: ["model", "lib", "engine", "platform"],
  telemetry: ["model", "lib", "store", "protocol"],
  helper: ["model", "lib", "protocol", "platform", "capture", "ffi"],
  plugin: ["model", "lib", "sandbox"],
  server: ["model", "lib", "protocol", "store", "engine", "plugin", "telemetry"],
  tui: ["model", "lib"],
  web: ["model", "lib"],
  ffi: [],
};
const AGENT_MAY_NOT_IMPORT = ["server", "tui", "web", "cli"];
/** What nothing of the program imports: its start, a thread's, the page's start in the browser, and what only build.ts needs. */
const ENTRY_POINTS = [
  "src/main.ts",
  "src/store/fleet/checkpoint-thread.ts",
  "src/web/main.tsx",
  "src/web/embed.ts",
];
const BUN_FFI_ROOMS = ["ffi", "platform", "capture", "helper"];

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Imports of our own files, relative to the root. */
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

function listFiles(directory: string, pattern: RegExp): string[] {
  if (!existsSync(join(ROOT, directory))) return [];
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((name) => pattern.test(name))
    .sort();
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), "utf8");
  const specifiers = [...text.matchAll(/^\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"/gms)]
    .concat([...text.matchAll(/^import\s+"([^"]+)"/gm)], [...text.matchAll(/\bimport\("([^"]+)"\)/g)])
    .map((match) => match[1] ?? "");
  return {
    path,
    text,
    lines: text.trimEnd().split("\n"),
    imports: specifiers
      .filter((name) => name.startsWith("."))
      .map((name) => normalize(join(dirname(path), name))),
    packages: specifiers.filter((name) => !name.startsWith(".")),
  };
}

/** `src/engine/x.ts` → engine; `ffi/linux/libc.ts` → ffi; `src/main.ts` → main. */
function roomOf(path: string): string {
  const parts = path.split("/");
  if (parts[0] === "ffi") return "ffi";
  return parts.length === 2 ? "main" : (parts[1] ?? "");
}

const sources = [...listFiles("src", /\.tsx?$/), ...listFiles("ffi", /\.ts$/)].map(readSource);
const others = [
  ...["tests", "bench", "ebpf"].flatMap((directory) => listFiles(directory, /\.ts$/)),
  "build.ts",
].map(readSource);
const everything = [...sources, ...others];

function importIsAllowed(from: string, to: string, target: string): boolean {
  if (from === to || from === "cli" || from === "main") return true;
  if (from === "agent") return !AGENT_MAY_NOT_IMPORT.includes(to);
  const allowed = MAY_IMPORT[from] ?? [];
  return allowed.includes(to) || (allowed.includes("layouts") && target === "ffi/layout.ts");
}

describe("rooms", () => {
  test("import only what the table allows", () => {
    const violations: string[] = [];
    for (const source of sources) {
      const from = roomOf(source.path);
      for (const target of source.imports) {
        if (!importIsAllowed(from, roomOf(target), target))
          violations.push(`${source.path} imports ${target}`);
      }
    }
    expect(violations).toEqual([]);
  });

  test("nothing imports cli, and every room is in the table", () => {
    const known = new Set([...Object.keys(MAY_IMPORT), "agent", "cli", "main"]);
    expect(sources.map((source) => roomOf(source.path)).filter((room) => !known.has(room))).toEqual([]);
    const intruders = sources.filter(
      (source) =>
        !["cli", "main"].includes(roomOf(source.path)) &&
        source.imports.some((path) => roomOf(path) === "cli"),
    );
    expect(intruders.map((source) => source.path)).toEqual([]);
  });

  test("native code and the system's name stay where they belong", () => {
    const violations: string[] = [];
    for (const source of sources) {
      const room = roomOf(source.path);
      if (source.packages.includes("bun:ffi") && !BUN_FFI_ROOMS.includes(room))
        violations.push(`${source.path}: bun:ffi`);
      const mayAsk = room === "platform" || room === "ffi" || source.path === "src/capture/open.ts";
      if (/\bprocess\.platform\b/.test(source.text) && !mayAsk)
        violations.push(`${source.path}: process.platform`);
    }
    expect(violations).toEqual([]);
  });

  test("the terminal UI imports no package but OpenTUI", () => {
    const strangers = sources
      .filter((source) => roomOf(source.path) === "tui")
      .flatMap((source) => source.packages.filter((name) => !name.startsWith("@opentui/core")));
    expect(strangers).toEqual([]);
  });

  test("have no import cycles", () => {
    const graph = new Map(sources.map((source) => [source.path, source.imports]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
        return;
      }
      if (done.has(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });
});

/** Functions longer than a screen, by the indentation of their closing brace: oxfmt makes that exact. */
function longFunctions(source: Source): string[] {
  const opening =
    /^(\s*)(?:export )?(?:default )?(?:async )?(?:(?:function\b.*|(?:public |private |static |override |async |get |set |#)*[\w#]+\(.*\).*|.*=> )\{)$/;
  const found: string[] = [];
  source.lines.forEach((line, start) => {
    const match = opening.exec(line);
    if (!match || /^\s*(?:if|for|while|switch|describe|test|testWith)\b/.test(line)) return;
    const end = source.lines.findIndex((other, index) => index > start && other.startsWith(`${match[1]}}`));
    if (end - start + 1 > FUNCTION_LINES_MAX)
      found.push(`${source.path}:${start + 1} has ${end - start + 1} lines`);
  });
  return found;
}

describe("files", () => {
  test("begin with a comment that says what they promise", () => {
    const silent = everything.filter((source) => !/^(?:#!.*\n)?\/(?:\*\*|\/)/.test(source.text));
    expect(silent.map((source) => source.path)).toEqual([]);
  });

  test(`are at most ${FILE_LINES_MAX} lines long`, () => {
    const long = everything.filter((source) => source.lines.length > FILE_LINES_MAX);
    expect(long.map((source) => `${source.path}: ${source.lines.length}`)).toEqual([]);
  });

  test(`have functions of at most ${FUNCTION_LINES_MAX} lines`, () => {
    expect(sources.flatMap(longFunctions)).toEqual([]);
  });

  test("are all in use", () => {
    const used = new Set(everything.flatMap((source) => source.imports));
    const dead = sources.filter((source) => !ENTRY_POINTS.includes(source.path) && !used.has(source.path));
    expect(dead.map((source) => source.path)).toEqual([]);
    const usedByProduct = new Set(sources.flatMap((source) => source.imports));
    const onlyTested = sources.filter(
      (source) => !ENTRY_POINTS.includes(source.path) && !usedByProduct.has(source.path),
    );
    expect(onlyTested.map((source) => source.path)).toEqual([]);
  });

  test("leave nothing for later and name no one's machine", () => {
    // Each word is written as a pattern that does not match itself, so that this file is not found.
    const unfinished = /\b(?:TOD[O]|FIXM[E]|XX[X])\b/;
    const places = /\/wor[k]\/|registry\.npmj[s]/;
    const documents = [
      ...listFiles("docs", /./),
      ...listFiles("ebpf", /\.[ch]$/),
      "README.md",
      "ARCHITECTURE.md",
      "CHANGELOG.md",
      "setup.mjs",
      "bun.lock",
    ]
      .filter((path) => existsSync(join(ROOT, path)))
      .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
    const found = [...everything, ...documents].filter(
      ({ text }) => unfinished.test(text) || places.test(text),
    );
    expect(found.map((source) => source.path)).toEqual([]);
  });

  test("agree on the version", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(VERSION).toBe(manifest.version);
  });
});
