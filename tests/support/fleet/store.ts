/** A parent's store in a directory of its own that goes away with it. */
import { join } from "node:path";
import type { FleetStore } from "../../../src/store/fleet/contract.ts";
import { openFleetStore } from "../../../src/store/fleet/open.ts";
import { tmpdir } from "../tmpdir.ts";

export interface TemporaryStore extends AsyncDisposable {
  readonly store: FleetStore;
  readonly path: string;
}

export async function temporaryStore(): Promise<TemporaryStore> {
  const directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const store = await openFleetStore(path);
  return {
    store,
    path,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}
