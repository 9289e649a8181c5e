/** The thread of the parent's database is in the binary too: its log stays short, and its loop has nothing to wait for. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "bun:test";
import { parseJoinToken } from "../../src/protocol/fleet/join-token.ts";
import { TestAgent, TestStream } from "../support/fleet/agent.ts";
import { AS_BINARY, serveProcess } from "../support/fleet/serve-process.ts";
import { testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";

const MIB = 1024 * 1024;

testWith(
  ["binary"],
  "a parent writes its log back by a thread of its own",
  async () => {
    await using directory = await tmpdir();
    await using parent = await serveProcess(directory.path, { by: AS_BINARY });
    const state = join(directory.path, ".local/state/wirebound/serve");
    const { key } = JSON.parse(readFileSync(join(state, "local.json"), "utf8")) as { key: string };
    const made = await parent.fetch("/api/v1/tokens", {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ uses: 1, expiresInMs: 60_000, requiresApproval: false }),
    });
    const { id, secret } = parseJoinToken(((await made.json()) as { token: string }).token);
    const ca = readFileSync(join(state, "tls-certificate.pem"), "utf8");
    const agent = await new TestAgent({ ...parent.announced, ca }).joined(`${id}.${secret}`);
    const stream = new TestStream(agent);
    const log = join(state, "fleet.db-wal");
    const database = join(state, "fleet.db");
    while (statSync(database).size < 12 * MIB) {
      const { status, text } = await agent.send(stream.batch(stream.healthEvents(1000, "x".repeat(400))));
      expect({ status, text }).toMatchObject({ status: 200 });
    }
    expect(statSync(log).size).toBeGreaterThan(4 * MIB);
    expect(statSync(log).size).toBeLessThan(8 * MIB); // SQLite by itself would begin it anew at 16
    expect(await parent.end()).toBe(0);
    expect(parent.stderr()).not.toContain("written back");
    expect(statSync(log, { throwIfNoEntry: false })).toBeUndefined();
  },
  60_000,
);
