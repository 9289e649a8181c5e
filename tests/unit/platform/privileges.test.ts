/** What may be seen of other users' processes follows from the capability and from whose namespace it is in. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { maySeeAllProcesses } from "../../../src/platform/privileges.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const INITIAL = "         0          0 4294967295\n";
const OWN = "         0      65534          1\n";

test("CAP_SYS_PTRACE in the first user namespace, and nothing else, shows all processes", async () => {
  const seen: unknown[] = [];
  for (const [capabilities, map] of [
    ["000001ffffffffff", INITIAL],
    ["0000000000080000", INITIAL],
    ["0000000000000000", INITIAL],
    ["000001fffff7ffff", INITIAL],
    ["000001ffffffffff", OWN],
    ["000001ffffffffff", undefined],
  ] as const) {
    await using root = await tmpdir();
    await mkdir(`${root.path}/self`);
    await Bun.write(`${root.path}/self/status`, `Name:\twb\nCapEff:\t${capabilities}\n`);
    if (map !== undefined) await Bun.write(`${root.path}/self/uid_map`, map);
    seen.push(maySeeAllProcesses(root.path));
  }
  expect(seen).toEqual([true, true, false, false, false, true]);
});
