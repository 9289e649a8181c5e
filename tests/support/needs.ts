/**
 * Tests that need something of the machine: skipped with the reason printed where it is missing, failed where CI=true,
 * because a CI machine can have all of it.
 */
import { test } from "bun:test";
import { accessSync, constants, existsSync } from "node:fs";

/** What a test may need: root, the compiled binary, or a program on PATH. */
export type Need = "root" | "binary" | `program:${string}`;

export const BINARY_PATH = new URL("../../dist/wb", import.meta.url).pathname;

function missing(need: Need): string | undefined {
  if (need === "root") return process.getuid?.() === 0 ? undefined : "not root";
  if (need === "binary") return existsSync(BINARY_PATH) ? undefined : "dist/wb is not built (npm run build)";
  const program = need.slice("program:".length);
  const found = (process.env["PATH"] ?? "")
    .split(":")
    .concat("/usr/sbin", "/sbin")
    .some((directory) => isExecutable(`${directory}/${program}`));
  return found ? undefined : `${program} is not installed`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not executable: both mean that it can't be used
  }
}

/** Like `test`, but only where every need is met. */
export function testWith(
  needs: readonly Need[],
  name: string,
  body: () => void | Promise<void>,
  timeoutMs = 180_000,
): void {
  testUnless(reasonsAgainst(needs), name, body, timeoutMs);
}

/** What is missing of the needs, as words for a person. */
export function reasonsAgainst(needs: readonly Need[]): string[] {
  return needs.map(missing).filter((reason) => reason !== undefined);
}

/** The same where what is missing was found out otherwise: with no reason against it, the test runs. */
export function testUnless(
  reasons: readonly string[],
  name: string,
  body: () => void | Promise<void>,
  timeoutMs = 180_000,
): void {
  if (reasons.length === 0) {
    test(name, body, timeoutMs);
    return;
  }
  const reason = reasons.join(", ");
  if (process.env["CI"] === "true") {
    test(name, () => {
      throw new Error(`cannot run in CI: ${reason}`);
    });
    return;
  }
  console.error(`SKIP ${name}: ${reason}`);
  test.skip(name, body);
}
