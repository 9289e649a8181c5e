/** A temporary directory that goes away with its scope: `await using directory = await tmpdir();`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir as systemTmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

export async function tmpdir(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(systemTmpdir(), "wb-test-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
