/** The doctor on terminal, clock, configuration, names and history. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { createSocket } from "node:dgram";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { diskCheck, historyCheck } from "../../../../src/cli/doctor/history.ts";
import { nameCacheCheck, nameServerCheck } from "../../../../src/cli/doctor/naming.ts";
import { clockCheck, configurationCheck, terminalCheck } from "../../../../src/cli/doctor/surroundings.ts";
import { isUtf8, isWithoutUnicode } from "../../../../src/platform/locale.ts";
import { TYPE_PTR } from "../../../../src/decode/dns.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { createFileLock } from "../../../../src/platform/lock.ts";
import { openHistory } from "../../../../src/store/history.ts";
import { openNameStore } from "../../../../src/store/names.ts";
import { dnsServer } from "../../../support/dns-server.ts";
import { SERVFAIL, writeMessage } from "../../../support/dns-message.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

const NOW_MS = 1_800_000_000_000;

test("terminal: none, too small, no UTF-8, fine", () => {
  const env = { LANG: "C.UTF-8", TERM: "xterm-256color", COLORTERM: "truecolor" };
  const terminal = { isTerminal: true, columns: 80, rows: 24, env };
  expect(terminalCheck({ ...terminal, isTerminal: false }).status).toBe("skip");
  expect(terminalCheck(terminal)).toMatchObject({ status: "ok", detail: "80x24, all colours, UTF-8" });
  expect(terminalCheck({ ...terminal, columns: 59 }).status).toBe("warn");
  expect(terminalCheck({ ...terminal, rows: 14 }).status).toBe("warn");
  expect(terminalCheck({ ...terminal, columns: 60, rows: 15 }).status).toBe("ok");
  expect(terminalCheck({ ...terminal, env: { ...env, LC_ALL: "C" } })).toMatchObject({
    status: "warn",
    remedy: "For lines and sparklines use a UTF-8 locale: `export LC_ALL=C.UTF-8`",
  });
  expect(terminalCheck({ ...terminal, env: { ...env, NO_COLOR: "1" } }).detail).toContain("no colours");
  expect(isUtf8({ LC_ALL: "", LC_CTYPE: "en_US.utf8", LANG: "C" })).toBe(true);
  expect(isUtf8({})).toBe(false);
  // Only a locale that is set and knows no UTF-8 gets a screen of ASCII.
  const screens = [{}, { LANG: "C" }, { LC_ALL: "C", LANG: "de_AT.UTF-8" }, { LANG: "de_AT.UTF-8" }];
  expect(screens.map(isWithoutUnicode)).toEqual([false, true, true, false]);
});

test("clock: agrees, jumped, never set", () => {
  expect(clockCheck(NOW_MS, 100, 100).status).toBe("ok");
  expect(clockCheck(NOW_MS, -3_600_000, 100)).toMatchObject({
    status: "warn",
    data: { jumpedMs: -3_600_100 },
  });
  expect(clockCheck(1000, 100, 100).detail).toContain("1970-01-01");
});

test("configuration: none, valid, wrong, and what it says of names", async () => {
  await using directory = await tmpdir();
  const env = { XDG_CONFIG_HOME: directory.path, HOME: directory.path };
  expect(await configurationCheck(undefined, env, true)).toMatchObject({
    check: { status: "ok" },
    dns: true,
  });
  expect((await configurationCheck(undefined, env, false)).dns).toBe(false);
  expect((await configurationCheck(undefined, env, true)).historyPath).toBeUndefined();
  expect(
    (await configurationCheck(undefined, { ...env, WB_HISTORY_PATH: "/srv/wb.db" }, true)).historyPath,
  ).toBe("/srv/wb.db");
  const path = join(directory.path, "wb.toml");
  writeFileSync(path, "[monitor]\ndns = false\n");
  expect(await configurationCheck(path, env, true)).toMatchObject({
    check: { status: "ok", detail: `${path}, 1 setting given, all valid` },
    dns: false,
  });
  writeFileSync(path, "[monitor]\ncolour = 1\n");
  const wrong = await configurationCheck(path, env, true);
  expect(wrong).toMatchObject({ check: { status: "fail" }, dns: false });
  expect(wrong.check.detail).toContain("colour");
  const variable = await configurationCheck(undefined, { ...env, WB_INTERVAL: "soon" }, true);
  expect(variable.check).toMatchObject({ status: "fail" });
});

test("name server: not asked, alive, refusing, dead", async () => {
  await using alive = await dnsServer((query) => [
    writeMessage({ id: query.id, flags: SERVFAIL, questions: [{ name: query.name, type: TYPE_PTR }] }),
  ]);
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", () => resolve()));
  const settings = (...ports: readonly number[]) => ({
    servers: ports.map((port) => ({ address: "127.0.0.1", port })),
    timeoutMs: 1000,
    attempts: 1,
    rotate: false,
  });
  expect((await nameServerCheck(false, settings(alive.port))).status).toBe("skip");
  expect(alive.queries).toHaveLength(0);
  expect(await nameServerCheck(true, settings(alive.port))).toMatchObject({
    status: "ok",
    data: { unreachable: "" },
  });
  expect(alive.queries.map(({ name }) => name)).toContain("1.0.0.127.in-addr.arpa");
  const both = await nameServerCheck(true, settings(alive.port, silent.address().port), 300);
  expect(both).toMatchObject({ status: "warn", data: { unreachable: "127.0.0.1" } });
  const none = await nameServerCheck(true, settings(silent.address().port), 300);
  expect(none).toMatchObject({ status: "warn", data: { fastestMs: null } });
  silent.close();
});

test("name cache: empty, and its hit rate, never rounded up to a hundred", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "names.db");
  expect(nameCacheCheck(NOW_MS, {}, path)).toMatchObject({ status: "skip", data: { hitRate: null } });
  expect(readdirSync(directory.path)).toEqual([]);
  const { store } = openNameStore(path);
  const name = {
    address: "192.0.2.1",
    name: "a.example",
    source: "ptr",
    expiresAtMs: NOW_MS + 1000,
  } as const;
  store?.save(
    [name],
    {
      hits: 99_999,
      misses: 1,
      lookups: 3,
      failures: 2,
      unreachable: 1,
      dropped: 0,
      observedDns: 40,
      observedSni: 2,
    },
    NOW_MS,
  );
  store?.close();
  expect(nameCacheCheck(NOW_MS, {}, path)).toMatchObject({
    status: "ok",
    detail: "hit rate 99.99 % in 7d, 1 address, 42 names seen being asked for, 2 look-ups of 3 failed",
    data: { hits: 99_999, misses: 1, hitRate: 0.99999, observedDns: 40, observedSni: 2 },
  });
});

test("history: none yet, closed in order, killed, being recorded, damaged", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "state", "history.db");
  expect(historyCheck({}, path)).toMatchObject({ status: "ok", data: { sizeBytes: null } });
  expect(readdirSync(directory.path)).toEqual([]);
  mkdirSync(join(directory.path, "state"));
  openHistory({ path, clock: systemClock }).close();
  expect(historyCheck({}, path)).toMatchObject({ status: "ok", data: { clean: true, lock: "free" } });
  const database = new Database(path);
  database.run("UPDATE state SET clean = 0, window_ms = 5000, last_commit_ms = 1000");
  database.run("INSERT INTO coverage (from_ms, until_ms) VALUES (1000, 61000)");
  database.close();
  const killed = historyCheck({}, path);
  expect(killed).toMatchObject({ status: "warn", data: { clean: false, lock: "free" } });
  expect(killed.detail).toEndWith("spans 1m 00s; the last monitor was killed, at most 5 s are missing");
  const lock = createFileLock(`${path}.lock`);
  expect(lock.tryAcquire()).toBe(true);
  expect(historyCheck({}, path)).toMatchObject({ status: "ok", data: { lock: "held" } });
  lock.release();
  writeFileSync(path, "nonsense".repeat(1000));
  expect(historyCheck({}, path)).toMatchObject({ status: "fail" });
});

test("history: a place that can't be written, unless by root", async () => {
  await using directory = await tmpdir();
  chmodSync(directory.path, 0o555);
  const expected = process.getuid?.() === 0 ? "ok" : "warn";
  expect(historyCheck({}, join(directory.path, "state", "history.db")).status).toBe(expected);
  chmodSync(directory.path, 0o755);
});

test("disk: the space of the directory that will be made", async () => {
  await using directory = await tmpdir();
  const check = diskCheck({}, join(directory.path, "not", "yet", "history.db"));
  expect(check.data?.["freeBytes"]).toBeNumber();
  expect(["ok", "warn"]).toContain(check.status);
});
