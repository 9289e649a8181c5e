#!/usr/bin/env bun
/**
 * `wb`: argv → one lazily imported command. `wb --version` imports nothing but the version, so that it starts as fast
 * as an empty program (bench/start.ts measures it); everything else begins in cli/run.ts.
 */
import { VERSION } from "./model/version.ts";

const args = process.argv.slice(2);
if (args[0] === "--version" || args[0] === "-V") {
  console.log(`wb ${VERSION}`);
} else {
  const { run } = await import("./cli/run.ts");
  process.exit(await run(args));
}
