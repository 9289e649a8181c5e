/** Local users against an agent: its files, its socket. The parent and the agent are real, what is asked is not. */
import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { askControl } from "../../../src/agent/control.ts";
import { FILES } from "../../../src/agent/state.ts";
import { unixTransport } from "../../../src/platform/unix-transport.ts";
import { nobodysPlace } from "../../support/as-nobody.ts";
import { failureOf } from "../../support/failure.ts";
import { world } from "../../support/fleet/agent-world.ts";
import { testWith } from "../../support/needs.ts";
import { waitFor } from "../../support/wait-for.ts";

const TIMEOUT_MS = 180_000;

test(
  "what an agent keeps is its user's alone",
  async () => {
    await using all = await world();
    all.agent.start();
    await waitFor("the socket", async () => (await readdir(all.agent.path)).includes(FILES.socket));
    expect((await stat(all.agent.path)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(all.agent.path)) {
      const { mode } = await stat(join(all.agent.path, name));
      expect([name, (mode & 0o077).toString(8)]).toEqual([name, "0"]);
    }
  },
  TIMEOUT_MS,
);

test(
  "garbage and floods at the agent's socket are refused or cut off, and it answers its user afterwards",
  async () => {
    await using all = await world();
    all.agent.start();
    const path = join(all.agent.path, FILES.socket);
    await waitFor("the socket", async () => (await readdir(all.agent.path)).includes(FILES.socket));
    const limits = { receivedBytesMax: 8 << 20, waitingBytesMax: 8 << 20 };
    const answers: string[] = [];
    let closed = 0;
    const frames = [
      "",
      "x",
      "null",
      "[]",
      '{"ask":"leave","x":1}',
      '{"ask":"__proto__"}',
      "[".repeat(1_000_000),
    ];
    for (const frame of frames) {
      const connection = await unixTransport.connect(path, limits, {
        frame: (_, bytes) => void answers.push(new TextDecoder().decode(bytes)),
        closed: () => (closed += 1),
      });
      connection.send(new TextEncoder().encode(frame));
      await waitFor("an answer", () => answers.length + closed > frames.indexOf(frame));
      connection.close();
    }
    expect(new Set(answers)).toEqual(new Set(['{"error":"there is no such question"}']));
    const many = await Promise.all(
      Array.from({ length: 200 }, () =>
        unixTransport.connect(path, limits, { frame: () => undefined, closed: () => undefined }),
      ),
    );
    for (const connection of many)
      for (let count = 0; count < 20; count += 1) connection.send(Buffer.from('{"ask":"status"}'));
    expect(await askControl(path, { ask: "status" })).toMatchObject({ running: true });
    for (const connection of many) connection.close();
  },
  TIMEOUT_MS,
);

testWith(
  ["root", "program:setpriv"],
  "another user can't ask an agent, not even where its directory was opened",
  async () => {
    await using all = await world();
    all.agent.start();
    const path = join(all.agent.path, FILES.socket);
    await waitFor("the socket", async () => (await readdir(all.agent.path)).includes(FILES.socket));
    await using place = await nobodysPlace();
    const bun = await place.install(process.execPath, "bun");
    const program = join(place.path, "ask.js");
    await Bun.write(
      program,
      `const s = require("net").connect(process.argv[2]);
     s.on("error", (e) => { console.log(e.code); process.exit(0); });
     s.on("data", (d) => { console.log(d.subarray(4).toString()); process.exit(0); });
     s.on("close", () => { console.log("closed"); process.exit(0); });
     const body = Buffer.from('{"ask":"leave"}'); const head = Buffer.alloc(4); head.writeUInt32BE(body.length);
     s.write(Buffer.concat([head, body]));`,
    );
    await chmod(program, 0o644);
    const asked = async (): Promise<string> => {
      const child = Bun.spawn(place.command(bun, program, path), {
        stdout: "pipe",
        stderr: "pipe",
        cwd: place.path,
      });
      const text = await child.stdout.text();
      await child.exited;
      return text.trim();
    };
    expect(["EACCES", "ENOENT"]).toContain(await asked());
    await chmod(all.agent.directory.path, 0o755);
    await chmod(all.agent.path, 0o755);
    await chmod(path, 0o777);
    expect(await asked()).toMatch(/only root and the agent's own user may ask|EACCES|closed/);
    expect(await failureOf(askControl(join(all.agent.path, "no-such"), { ask: "status" }))).not.toBe("");
    expect(await askControl(path, { ask: "status" })).toMatchObject({ running: true });
  },
);
