/** The auditor as an ordinary user: it tells of everybody's processes what it may see, and nothing that it may not. */
import { chmod, mkdir } from "node:fs/promises";
import { expect } from "bun:test";
import { ProcessRegistryStore } from "../../../src/store/process-registry.ts";
import { readDetails } from "../../../src/agent/audit/stored-details.ts";
import { NOBODY_ID, nobodysPlace } from "../../support/as-nobody.ts";
import { testWith } from "../../support/needs.ts";

const AGENT = new URL("../../support/fleet/audit-agent.ts", import.meta.url).pathname;

testWith(
  ["root", "program:setpriv"],
  "names and arguments of others, their files only of its own",
  async () => {
    await using place = await nobodysPlace();
    const built = await Bun.build({
      entrypoints: [AGENT],
      target: "bun",
      outdir: place.path,
      naming: "agent.js",
    });
    expect(built.success).toBe(true);
    const bun = await place.install(process.execPath, "bun");
    const state = `${place.path}/state`;
    await mkdir(state);
    await chmod(state, 0o777);
    const stranger = Bun.spawn(["/usr/bin/sleep", "71"]);
    const own = Bun.spawn(place.command("/usr/bin/sleep", "72"));
    const agent = Bun.spawn(place.command(bun, `${place.path}/agent.js`, state), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    for await (const chunk of agent.stdout) if (new TextDecoder().decode(chunk).includes("ready")) break;
    await agent.stdin.end();
    expect(await agent.exited).toBe(0);
    stranger.kill();
    own.kill();
    const registry = ProcessRegistryStore.open(`${state}/processes.db`);
    const told = (registry.restore()?.processes ?? []).map(({ details }) => readDetails(details)?.told);
    registry.close();
    expect(told.find((each) => each?.pid === stranger.pid)).toMatchObject({
      userId: 0,
      isStartExact: false,
      fingerprint: { name: "sleep", path: null, fileHash: null, commandLinePattern: "/usr/bin/sleep 71" },
    });
    const ownTold = told.find((each) => each?.pid === own.pid);
    expect(ownTold).toMatchObject({
      userId: NOBODY_ID,
      fingerprint: { name: "sleep", path: "/usr/bin/sleep" },
    });
    expect(ownTold?.fingerprint.fileHash).toHaveLength(64);
  },
);
