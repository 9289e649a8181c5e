/**
 * Attacks on the running helper, over its real socket: each is refused, logged with its reason and without the secret, and
 * another session is served as before. The kernel programs behind it are the real ones.
 */
import { describe, expect } from "bun:test";
import { chmod } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { makeRandomBytes } from "../../src/protocol/helper/handshake.ts";
import { REQUEST_BYTES_MAX } from "../../src/protocol/helper/messages.ts";
import { encodeRequest } from "../../src/protocol/helper/codec.ts";
import { nobodysPlace } from "../support/as-nobody.ts";
import { HelperClient } from "../support/helper-client.ts";
import { HelperProcess } from "../support/helper-process.ts";
import { testWith, type Need } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

const NEEDS: readonly Need[] = ["root", "program:clang", "program:llvm-strip"];
const ATTACKER = new URL("../support/helper-attacker.ts", import.meta.url).pathname;

/** Nothing of the secret, of tokens and of proofs may be in the log, in whatever form. */
function expectNoSecret(helper: HelperProcess, ...secrets: readonly Uint8Array[]): void {
  const text = helper.log.join("\n");
  for (const secret of secrets) {
    for (const form of ["hex", "base64", "base64url", "latin1"] as const) {
      expect(text.includes(Buffer.from(secret).toString(form).slice(0, 16))).toBe(false);
    }
  }
}

/** Runs the attack beside a session that was there before and must be served after it. */
async function attacked(
  reason: string,
  attack: (helper: HelperProcess, witness: HelperClient) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  await using helper = await HelperProcess.start({ args });
  using witness = await helper.session();
  await attack(helper, witness);
  const line = await helper.says("refused", `reason=${reason}`);
  expect(line).toContain(`pid=`);
  expect(line).toContain(`uid=`);
  // All clients of this test are one process of one user, whose rates the attack may have used up for a moment.
  await waitFor("the witness to be served", async () => {
    const answer = await witness.answer(witness.post({ type: "connectionStats", sinceNs: 0 }));
    return (
      answer.type === "connectionStats" && answer.sockets.length > 0 && answer.sockets.length % 144 === 0
    );
  });
  using other = await waitFor("another session", () => helper.session().catch(() => undefined));
  expectNoSecret(helper, helper.secret, witness.token, other.token);
  expect(await helper.end()).toBe(0);
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0") * 1024;
}

describe("a handshake", () => {
  testWith(NEEDS, "with a wrong secret", () =>
    attacked("secret", async (helper) => {
      using client = await helper.connect();
      client.send(await client.handshake(makeRandomBytes(32)));
      expect(await client.refusal()).toBe("refused");
      await client.closing();
    }),
  );

  testWith(NEEDS, "with one bit of the proof changed", () =>
    attacked("secret", async (helper) => {
      using client = await helper.connect();
      const request = await client.handshake(helper.secret);
      const mac = request.mac.slice();
      mac[31] = (mac[31] ?? 0) ^ 1;
      client.send({ ...request, mac });
      expect(await client.refusal()).toBe("refused");
    }),
  );

  testWith(NEEDS, "that was replayed, on the same instance", () =>
    attacked("nonce_replayed", async (helper) => {
      using first = await helper.connect();
      const request = await first.handshake(helper.secret);
      first.send(request);
      expect((await first.answer(request.id)).type).toBe("authenticated");
      using second = await helper.connect();
      await second.challenge();
      second.sendFrame(encodeRequest(request));
      expect(await second.refusal()).toBe("refused");
      await second.closing();
    }),
  );

  for (const [what, offsetMs] of [
    ["45 s old", -45_000],
    ["45 s ahead", 45_000],
  ] as const) {
    testWith(NEEDS, `with a time stamp ${what}`, () =>
      attacked("timestamp", async (helper) => {
        using client = await helper.connect();
        client.send(await client.handshake(helper.secret, { timestampMs: Date.now() + offsetMs }));
        expect(await client.refusal()).toBe("refused");
        // Well within the 30 seconds it is accepted: the very border is tests/unit/helper/authentication.test.ts's.
        using other = await helper.connect();
        await other.authenticate(helper.secret, { timestampMs: Date.now() + offsetMs / 3 });
      }),
    );
  }

  testWith(NEEDS, "with a forged pid", () =>
    attacked("pid_forged", async (helper) => {
      using client = await helper.connect();
      client.send(await client.handshake(helper.secret, { pid: helper.pid }));
      expect(await client.refusal()).toBe("refused");
    }),
  );

  testWith(NEEDS, "of another version", () =>
    attacked("version", async (helper) => {
      using client = await helper.connect();
      client.send(await client.handshake(helper.secret, { version: 2 }));
      expect(await client.refusal()).toBe("version");
    }),
  );

  testWith(NEEDS, "that never comes", () =>
    attacked("handshake_timeout", async (helper) => {
      using client = await helper.connect();
      expect(await client.refusal()).toBe("refused");
      await client.closing();
    }),
  );

  testWith(NEEDS, "that is left out", () =>
    attacked("unauthenticated", async (helper) => {
      using client = await helper.connect();
      await client.challenge();
      client.post({ type: "status" }, makeRandomBytes(32));
      expect(await client.refusal()).toBe("unauthenticated");
      await client.closing();
    }),
  );

  testWith(NEEDS, "again and again: the user has to wait, and then may again", () =>
    attacked("too_many_attempts", async (helper) => {
      // One that is refused at once may be closed before it has seen itself connected.
      const attempt = async (): Promise<string> => {
        const client = await helper.connect().catch(() => undefined);
        if (client === undefined) return "reset";
        using _ = client;
        const first = await waitFor(
          "the challenge, or the end",
          () => client.responses[0] ?? client.isClosed,
        );
        if (first === true || first.type !== "challenge") return first === true ? "reset" : "rate_limited";
        client.send(await client.handshake(makeRandomBytes(32)));
        return await client.refusal();
      };
      const codes: string[] = [];
      for (let count = 0; count < 40; count += 1) codes.push(await attempt());
      // The witness's own attempt was given back; some come back while this goes on.
      expect(codes.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => "refused"));
      expect(codes.filter((code) => code === "refused").length).toBeLessThan(40);
      const limited = codes.filter((code) => code !== "refused").length;
      await waitFor("all in the log", () => helper.count("reason=too_many_attempts") === limited);
      await waitFor("another attempt", async () => (await attempt()) === "refused");
    }),
  );
});

describe("another executable", () => {
  /** What the attacker says, run by `program`; it reads the secret itself. */
  async function attack(program: string, helper: HelperProcess): Promise<string> {
    const child = Bun.spawn([program, ATTACKER, helper.socketPath, helper.secretPath], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const answer = await child.stdout.text();
    expect(await child.exited).toBe(0);
    return answer.trim();
  }

  testWith(NEEDS, "with the right secret", () =>
    attacked("executable", async (helper) => {
      await using directory = await tmpdir();
      const longer = `${directory.path}/longer`;
      const own = readFileSync(process.execPath);
      await Bun.write(longer, Buffer.concat([own, Buffer.from([0])]));
      await chmod(longer, 0o755);
      expect(await attack(longer, helper)).toBe("refused");
      // As long as the genuine one, and different in one byte of a text.
      const changed = Buffer.from(own);
      const at = changed.indexOf("Bun is a fast JavaScript runtime");
      expect(at).toBeGreaterThan(0);
      changed[at] = "b".charCodeAt(0);
      const same = `${directory.path}/same-length`;
      await Bun.write(same, changed);
      await chmod(same, 0o755);
      expect(await attack(same, helper)).toBe("refused");
      await waitFor("both refusals in the log", () => helper.count("reason=executable") === 2);
      // A whole copy is the same program.
      const copy = `${directory.path}/copy`;
      await Bun.write(copy, own);
      await chmod(copy, 0o755);
      expect(await attack(copy, helper)).toBe("authenticated");
    }),
  );
});

describe("a session", () => {
  testWith(NEEDS, "with the token of another connection", () =>
    attacked("token", async (helper, witness) => {
      using client = await helper.session();
      client.post({ type: "heartbeat" }, witness.token);
      expect(await client.refusal()).toBe("unauthenticated");
      await client.closing();
    }),
  );

  testWith(NEEDS, "with an expired token", async () => {
    await using helper = await HelperProcess.start({ args: ["--session-lifetime", "5s"] });
    using client = await helper.session();
    await client.ask({ type: "heartbeat" });
    await waitFor("the token to expire", async () => {
      const answer = await client.answer(client.post({ type: "heartbeat" }));
      return answer.type === "error" && answer.code === "expired";
    });
    await client.closing();
    await helper.says("refused", "reason=expired", `pid=${process.pid}`);
    using other = await helper.session();
    await other.ask({ type: "heartbeat" });
  });

  testWith(NEEDS, "that is the 11th", () =>
    attacked("too_many_sessions", async (helper) => {
      const clients: HelperClient[] = [];
      for (let count = 0; count < 9; count += 1) clients.push(await helper.session());
      using eleventh = await helper.connect();
      eleventh.send(await eleventh.handshake(helper.secret));
      expect(await eleventh.refusal()).toBe("too_many_sessions");
      await eleventh.closing();
      for (const client of clients) await client.ask({ type: "heartbeat" });
      for (const client of clients) client[Symbol.dispose]();
      await waitFor("their ends", () => helper.count("session closed") === 9);
    }),
  );

  testWith(NEEDS, "that asks more than 100 times in a second", () =>
    attacked("rate_limited", async (helper) => {
      using client = await helper.session();
      const ids = Array.from({ length: 240 }, () => client.post({ type: "heartbeat" }));
      const answers = await Promise.all(ids.map((id) => client.answer(id)));
      const refused = answers.filter((answer) => answer.type === "error");
      // Some tokens come back while it asks.
      expect(answers.length - refused.length).toBeGreaterThanOrEqual(100);
      expect(answers.slice(0, 100).every(({ type }) => type === "heartbeat")).toBe(true);
      expect(refused.length).toBeGreaterThan(0);
      for (const error of refused) {
        expect(error.code).toBe("rate_limited");
        expect(error.retryAfterMs).toBeGreaterThan(0);
        expect(error.retryAfterMs).toBeLessThanOrEqual(10);
      }
      // A process has one rate, however many sessions it has; and it is served again when it has waited.
      await waitFor("to be served again", async () => {
        const answer = await client.answer(client.post({ type: "heartbeat" }));
        return answer.type === "heartbeat";
      });
    }),
  );

  testWith(NEEDS, "that asks on and on in spite of all answers", () =>
    attacked("flood", async (helper) => {
      using client = await helper.session();
      const heartbeat = encodeRequest({ type: "heartbeat", id: 7, token: client.token });
      const frame = new Uint8Array(4 + heartbeat.length);
      new DataView(frame.buffer).setUint32(0, heartbeat.length);
      frame.set(heartbeat, 4);
      const many = Buffer.concat(Array.from({ length: 500 }, () => frame));
      await waitFor("to be cut off", () => {
        if (!client.isClosed) client.sendBytes(many);
        return client.isClosed;
      });
    }),
  );

  testWith(NEEDS, "that does not read", () =>
    attacked("does_not_read", async (helper) => {
      const before = residentBytes(helper.pid);
      using client = await helper.session();
      client.socket.pause();
      // Two megabytes an answer, so that a few fill what the kernel and the helper hold for a client.
      const wordy = Bun.spawn(["sh", "-c", "read _", "x".repeat(2000)], { stdin: "pipe" });
      const pids = Array.from({ length: 1000 }, () => wordy.pid);
      for (let count = 0; count < 4; count += 1) client.post({ type: "processStats", pids });
      await helper.says("reason=does_not_read");
      expect(residentBytes(helper.pid) - before).toBeLessThan(128 * 1024 * 1024);
      wordy.kill();
    }),
  );
});

describe("a frame", () => {
  testWith(NEEDS, "of 4 GB", () =>
    attacked("frame", async (helper) => {
      const before = residentBytes(helper.pid);
      using client = await helper.connect();
      await client.challenge();
      client.sendBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3));
      await client.closing();
      const line = await helper.says("reason=frame");
      expect(line).toContain("4294967295");
      expect(residentBytes(helper.pid) - before).toBeLessThan(256 * 1024 * 1024);
    }),
  );

  testWith(NEEDS, "one byte longer than allowed, in a session", () =>
    attacked("frame", async (helper) => {
      using client = await helper.session();
      const head = new Uint8Array(4);
      new DataView(head.buffer).setUint32(0, REQUEST_BYTES_MAX + 1);
      client.sendBytes(head);
      await client.closing();
    }),
  );

  testWith(NEEDS, "cut in the middle", () =>
    attacked("frame", async (helper) => {
      using client = await helper.connect();
      const request = encodeRequest(await client.handshake(helper.secret));
      const frame = new Uint8Array(4 + request.length);
      new DataView(frame.buffer).setUint32(0, request.length);
      frame.set(request, 4);
      client.sendBytes(frame.subarray(0, frame.length - 1));
      client.socket.end();
      const line = await helper.says("reason=frame");
      expect(line).toContain("middle");
    }),
  );

  testWith(NEEDS, "of random bytes, 100,000 times", () =>
    attacked("malformed", async (helper) => {
      const before = residentBytes(helper.pid);
      const frames = Array.from({ length: 5000 }, () => {
        const length = 1 + Math.floor(Math.random() * 200);
        const frame = randomBytes(4 + length);
        frame.writeUInt32BE(length, 0);
        return frame;
      });
      // The first of them ends a connection, so that there must be many, before the handshake and after it.
      for (let round = 0; round < 20; round += 1) {
        using client = await helper.connect();
        const first = await waitFor("an answer", () => client.responses[0]);
        if (first.type === "challenge" && round % 4 === 0) await client.authenticate(helper.secret);
        client.sendBytes(Buffer.concat(frames));
        await client.closing();
      }
      expect(helper.child.exitCode).toBeNull();
      await waitFor("the refusals in the log", () => helper.count("reason=malformed") > 10);
      expect(residentBytes(helper.pid) - before).toBeLessThan(128 * 1024 * 1024);
    }),
  );
});

describe("an unprivileged user", () => {
  testWith([...NEEDS, "program:setpriv"], "can neither connect nor read the secret", async () => {
    await using helper = await HelperProcess.start();
    using witness = await helper.session();
    await using place = await nobodysPlace();
    const program = await place.install(process.execPath, "bun");
    // The directory is root's alone in the test: opened, so that only the socket's own mode is in the way.
    await chmod(helper.socketPath.replace(/\/[^/]+$/, ""), 0o711);
    const code = `try { await Bun.connect({ unix: process.argv[1], socket: { data() {} } }); console.log("connected"); }
      catch (error) { console.log(error.code); }
      try { require("node:fs").readFileSync(process.argv[2]); console.log("read"); } catch (error) { console.log(error.code); }`;
    const run = async (): Promise<string> => {
      const command = place.command(program, "-e", code, helper.socketPath, helper.secretPath);
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
      return (await child.stdout.text()).trim();
    };
    expect(await run()).toBe("EACCES\nEACCES");
    // Even where somebody opens the socket to all, the helper knows who connects.
    await chmod(helper.socketPath, 0o666);
    // It may be closed before the client has seen itself connected.
    expect(await run()).toMatch(/^(?:connected|ECONNRESET)\nEACCES$/);
    await helper.says("refused", "reason=user_not_allowed", "uid=65534");
    await witness.ask({ type: "heartbeat" });
  });
});
