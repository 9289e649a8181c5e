/**
 * Who may be where: the peer's credentials as the kernel tells them, and what may and may not be at the path of a
 * listening socket.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, chown, lstat, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WbError } from "../../src/model/errors.ts";
import { unixTransport } from "../../src/platform/unix-transport.ts";
import { nobodysPlace, NOBODY_ID } from "../support/as-nobody.ts";
import { testWith } from "../support/needs.ts";
import { tmpdir, type TemporaryDirectory } from "../support/tmpdir.ts";
import { compilePeer, LIMITS, Peer, Recorder } from "../support/unix-ends.ts";
import { waitFor } from "../support/wait-for.ts";

let tools: TemporaryDirectory;
let peerBinary: string;

beforeAll(async () => {
  tools = await tmpdir();
  peerBinary = await compilePeer(tools.path);
});

afterAll(() => tools[Symbol.asyncDispose]());

async function refusal(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (error instanceof WbError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "not refused";
}

/** Unix sockets that this process has open, but the ones to its test runner. */
function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
    } catch {
      return false; // closed since: the directory's own descriptor
    }
  }).length;
}

describe("the peer", () => {
  test("is the process and user that the kernel says", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    await using _ = await server.listen(path);
    await using child = new Peer([peerBinary], "connect", path);
    const connection = await server.opening(1);
    expect(connection.peer).toEqual({
      pid: child.process.pid,
      userId: process.geteuid?.() ?? -1,
      groupId: process.getegid?.() ?? -1,
    });
  });

  test("of a client is the process that listens", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    await using child = new Peer([peerBinary], "listen", path);
    await child.says(`listening ${path}`);
    const connection = await unixTransport.connect(path, LIMITS, new Recorder());
    expect(connection.peer?.pid).toBe(child.process.pid);
    connection.close();
  });

  testWith(
    ["root", "program:setpriv"],
    "of another user is that user, who gets in only if let in",
    async () => {
      await using place = await nobodysPlace();
      const path = join(place.path, "s");
      const binary = await place.install(peerBinary, "unix-peer");
      const server = new Recorder();
      await using _ = await server.listen(path);
      {
        await using refused = new Peer(place.command(binary), "connect", path);
        await refused.says("refused permission");
        expect(server.connections).toEqual([]);
      }
      await chmod(path, 0o666);
      await using child = new Peer(place.command(binary), "connect", path);
      await child.says("connected");
      const connection = await server.opening(1);
      expect(connection.peer).toEqual({ pid: child.process.pid, userId: NOBODY_ID, groupId: NOBODY_ID });
    },
  );
});

describe("the socket's path", () => {
  test("is open to its owner alone, whatever the umask, which stays as it was", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const mask = process.umask(0);
    try {
      await using _ = await new Recorder().listen(path);
      expect((await lstat(path)).mode & 0o7777).toBe(0o600);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(mask);
    }
  });

  test("with a file, a symlink or a living socket is refused, and left alone", async () => {
    await using directory = await tmpdir();
    const [file, link, live] = ["file", "link", "live"].map((name) => join(directory.path, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(file, "precious");
    await symlink(join(directory.path, "elsewhere"), link);
    await using child = new Peer([peerBinary], "listen", live);
    await child.says(`listening ${live}`);
    expect(await refusal(new Recorder().listen(file))).toBe(`config: ${file} exists and is not a socket`);
    expect(await refusal(new Recorder().listen(link))).toBe(`config: ${link} exists and is a symlink`);
    expect(await refusal(new Recorder().listen(live))).toBe(
      `unavailable: ${live} is in use by another process`,
    );
    await rm(link);
    await symlink(live, link);
    expect(await refusal(new Recorder().listen(link))).toBe(`config: ${link} exists and is a symlink`);
    expect(readFileSync(file, "utf8")).toBe("precious");
    expect(existsSync(join(directory.path, "elsewhere"))).toBe(false);
    (await unixTransport.connect(live, LIMITS, new Recorder())).close();
  });

  test("of one that was killed is taken over", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    await using child = new Peer([peerBinary], "listen", path);
    await child.says(`listening ${path}`);
    child.process.kill("SIGKILL");
    await child.process.exited;
    expect(existsSync(path)).toBe(true);
    expect(await refusal(unixTransport.connect(path, LIMITS, new Recorder()))).toBe(
      `unavailable: nobody answers at ${path}: ECONNREFUSED`,
    );
    const server = new Recorder();
    await using _ = await server.listen(path);
    (await unixTransport.connect(path, LIMITS, new Recorder())).close();
    await server.opening(1);
  });

  testWith(["root"], "left behind by another user is refused", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    await using child = new Peer([peerBinary], "listen", path);
    await child.says(`listening ${path}`);
    child.process.kill("SIGKILL");
    await child.process.exited;
    await chown(path, NOBODY_ID, NOBODY_ID);
    expect(await refusal(new Recorder().listen(path))).toBe(
      `permission: ${path} was left behind by another user (${NOBODY_ID})`,
    );
    expect(existsSync(path)).toBe(true);
  });

  test("is given back at the end, but not somebody else's", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const before = openSockets();
    const first = await new Recorder().listen(path);
    await rm(path);
    const second = await new Recorder().listen(path);
    await first[Symbol.asyncDispose]();
    const client = new Recorder();
    await unixTransport.connect(path, LIMITS, client);
    await second[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
    expect(await client.closing()).toBe("because: ");
    await waitFor("all sockets to be closed", () => openSockets() <= before);
  });

  test("is as long as the kernel allows, and no name without a file", async () => {
    await using directory = await tmpdir();
    const longest = join(directory.path, "x".repeat(107 - directory.path.length - 1));
    await using _ = await new Recorder().listen(longest);
    (await unixTransport.connect(longest, LIMITS, new Recorder())).close();
    const tooLong = `usage: the socket's path has 108 bytes, more than 107: ${longest}y`;
    expect(await refusal(new Recorder().listen(`${longest}y`))).toBe(tooLong);
    expect(await refusal(unixTransport.connect(`${longest}y`, LIMITS, new Recorder()))).toBe(tooLong);
    for (const name of ["\0abstract", "relative", "", "/tmp/a\0b"]) {
      expect(await refusal(new Recorder().listen(name))).toStartWith("usage: ");
      expect(await refusal(unixTransport.connect(name, LIMITS, new Recorder()))).toStartWith("usage: ");
    }
    const nowhere = join(directory.path, "none", "s");
    expect(await refusal(new Recorder().listen(nowhere))).toBe(
      `unavailable: cannot make a socket at ${nowhere}: ENOENT`,
    );
    expect(await refusal(unixTransport.connect(nowhere, LIMITS, new Recorder()))).toBe(
      `unavailable: nobody answers at ${nowhere}: ENOENT`,
    );
  });
});
