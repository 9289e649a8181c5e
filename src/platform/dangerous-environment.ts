/**
 * Which variables of the environment steer what a program loads or does before its first line: a privileged process that
 * was started with one of them refuses to work. It can't undo what such a variable has done (the loader has read LD_PRELOAD
 * already); it says so, and whoever started it does it properly.
 */
import { readFileSync } from "node:fs";

/**
 * ld.so(8) and what glibc takes away from set-user-ID programs (sysdeps/generic/unsecvars.h), except TMPDIR, which nothing
 * here uses; Bun's, its engine's and its allocator's own; Node's, which Bun reads too; libbpf's. DYLD_ is macOS's LD_.
 */
const PREFIXES = ["LD_", "DYLD_", "BUN_", "NODE_", "MALLOC_", "MIMALLOC_", "JSC_", "LIBBPF_", "GLIBC_"];
const NAMES = new Set([
  "GCONV_PATH",
  "GETCONF_DIR",
  "HOSTALIASES",
  "LOCALDOMAIN",
  "LOCPATH",
  "NIS_PATH",
  "NLSPATH",
  "RESOLV_HOST_CONF",
  "RES_OPTIONS",
  "TZDIR",
]);

/** Of these prefixes, but nothing that a program without TLS and without scripts would heed. */
const HARMLESS = new Set(["NODE_ENV", "NODE_EXTRA_CA_CERTS"]);

/** Names of the dangerous variables, in the order of the environment. Their values are nobody's business in a log. */
export function dangerousVariables(names: Iterable<string>): string[] {
  return [...names].filter(
    (name) => NAMES.has(name) || (!HARMLESS.has(name) && PREFIXES.some((prefix) => name.startsWith(prefix))),
  );
}

/**
 * The names that this process was started with, by the kernel's word (/proc/self/environ) and not the program's copy,
 * from which Bun or the C library may have taken some.
 */
export function startingVariables(path = "/proc/self/environ"): string[] {
  const names = readFileSync(path)
    .toString("latin1")
    .split("\0")
    .filter((entry) => entry !== "")
    .map((entry) => entry.split("=", 1)[0] ?? "");
  return [...new Set([...names, ...Object.keys(process.env)])];
}
