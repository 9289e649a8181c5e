/**
 * Whose file a path means: of a program that sees another file under its path than this machine has there, that file's hash is
 * told, and no package. An agent with mounts of its own, as its service has, still knows the machine's programs; nobody too.
 */
import { appendFile, chmod, copyFile, mkdir } from "node:fs/promises";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect } from "bun:test";
import { ProcessScanner } from "../../../src/capture/linux/process-scan.ts";
import { parseProcStat } from "../../../src/decode/proc-pid.ts";
import { FileReader } from "../../../src/agent/audit/file-facts.ts";
import { FileOwners } from "../../../src/agent/audit/owners.ts";
import { ProcessIds } from "../../../src/agent/audit/process-ids.ts";
import { Programs } from "../../../src/agent/audit/programs.ts";
import { Run, Tracked } from "../../../src/agent/audit/tracked.ts";
import { readBootId } from "../../../src/platform/boot-id.ts";
import { bootTimeNs } from "../../../src/platform/boot-time.ts";
import type { Fingerprint } from "../../../src/protocol/fleet/payloads.ts";
import { nobodysPlace } from "../../support/as-nobody.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const SCANNER = new URL("../../../src/capture/linux/process-scan.ts", import.meta.url).pathname;
const SLEEP = "/usr/bin/sleep";
const OWN_MOUNTS = ["unshare", "--mount", "--propagation", "private"] as const;

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

async function sleeping(command: readonly string[]): Promise<Bun.Subprocess> {
  const child = Bun.spawn([...command], { stderr: "inherit" });
  await waitFor(`${command.join(" ")} to sleep`, () => commOf(child.pid) === "sleep\n");
  return child;
}

function commOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8");
}

/** What is told of the programs that these processes run. */
async function fingerprints(pids: readonly number[]): Promise<Fingerprint[]> {
  using scanner = new ProcessScanner();
  const owners = new FileOwners();
  const store = { fileFacts: () => undefined, keepFileFacts: () => undefined };
  const files = new FileReader(store, (path) => owners.owner(path), Date.now);
  const clocks = { now: Date.now, bootNs: bootTimeNs };
  const state = { get: () => undefined, set: () => undefined };
  const ids = new ProcessIds(readBootId(), scanner.ticksPerSecond, clocks, state);
  const programs = new Programs(scanner, files, ids);
  const news = pids.map((pid) => {
    const run = new Run({ execNs: 0, comm: "" });
    const parts = { pid, startTicks: startOf(pid), startNs: undefined, userId: undefined };
    const process = new Tracked({ ...parts, parentPid: 1, parentStartTicks: 0, run, state: "told" });
    return { process, run };
  });
  programs.look(news, undefined);
  await Promise.all(news.map(({ process, run }) => programs.whenComplete(process, run)));
  owners.close();
  return news.map(({ process, run }) => programs.of(process, run).fingerprint);
}

function startOf(pid: number): number {
  return parseProcStat(readFileSync(`/proc/${pid}/stat`))?.startTicks ?? -1;
}

function end(children: readonly Bun.Subprocess[]): void {
  for (const child of children) child.kill();
}

/** Sees this file instead of sleep. */
function replacing(file: string): string {
  return `mount --bind '${file}' ${SLEEP} && exec ${SLEEP} 300`;
}

async function anotherSleep(path: string): Promise<void> {
  await copyFile(SLEEP, path);
  await appendFile(path, "another");
  await chmod(path, 0o755);
}

testWith(
  ["root", "program:unshare", "program:dpkg-query"],
  "the package is that of the very file that runs, whatever its path means elsewhere",
  async () => {
    await using directory = await tmpdir();
    const other = `${directory.path}/other`;
    await anotherSleep(other);
    for (const name of ["upper", "work", "root"]) await mkdir(`${directory.path}/${name}`);
    const overlay = `lowerdir=/usr/bin,upperdir=${directory.path}/upper,workdir=${directory.path}/work`;
    const root = `${directory.path}/root`;
    const children = await Promise.all([
      sleeping([SLEEP, "300"]),
      sleeping([...OWN_MOUNTS, SLEEP, "300"]),
      sleeping([...OWN_MOUNTS, "sh", "-c", replacing(other)]),
      sleeping([
        ...OWN_MOUNTS,
        "sh",
        "-c",
        `mount -t overlay -o ${overlay} overlay /usr/bin && exec ${SLEEP} 300`,
      ]),
      sleeping([
        ...OWN_MOUNTS,
        "sh",
        "-c",
        `mount --rbind / ${root} && mount --bind ${other} ${root}${SLEEP} && exec chroot ${root} ${SLEEP} 300`,
      ]),
    ]);
    const told = await fingerprints(children.map(({ pid }) => pid)).finally(() => end(children));
    const asked = Bun.spawnSync(["dpkg-query", "-W", "-f", "${Maintainer}\t${Version}", "coreutils"]);
    const [maintainer = "", version = ""] = asked.stdout.toString().split("\t");
    const publisher = maintainer.replace(/ <.*/, "");
    const known = { fileHash: hashOf(SLEEP), publisher, version };
    const strange = { fileHash: hashOf(other), publisher: null, version: null };
    expect(
      told.map(({ fileHash, publisher: maker, version }) => ({ fileHash, publisher: maker, version })),
    ).toEqual([known, known, strange, { ...strange, fileHash: hashOf(SLEEP) }, strange]);
  },
);

testWith(
  ["root", "program:unshare", "program:setpriv"],
  "a program that sees other files is known as one, also by who may not look into it",
  async () => {
    await using place = await nobodysPlace();
    const root = `${place.path}/root`;
    await mkdir(root);
    const children = await Promise.all([
      sleeping([SLEEP, "300"]),
      sleeping([...OWN_MOUNTS, SLEEP, "300"]),
      sleeping([...OWN_MOUNTS, "sh", "-c", `mount --rbind / ${root} && exec chroot ${root} ${SLEEP} 300`]),
    ]);
    const starts = children.map(({ pid }) => [pid, startOf(pid)]);
    const built = await Bun.build({ entrypoints: [SCANNER], target: "bun", outdir: place.path });
    expect(built.success).toBe(true);
    const bun = await place.install(process.execPath, "bun");
    const script = `import { ProcessScanner } from "${place.path}/process-scan.js";
      const scanner = new ProcessScanner();
      console.log(JSON.stringify(${JSON.stringify(starts)}.map((each) => scanner.describe(...each).isForeign)));`;
    const say = (words: readonly string[]): string =>
      Bun.spawnSync([...words], { stderr: "inherit" })
        .stdout.toString()
        .trim();
    using scanner = new ProcessScanner();
    const here = starts.map(([pid = 0, ticks = 0]) => scanner.describe(pid, ticks)?.isForeign);
    const inOwnMounts = say([...OWN_MOUNTS, bun, "-e", script]);
    const asNobody = say(place.command(bun, "-e", script));
    end(children);
    expect(here).toEqual([false, true, true]);
    expect(inOwnMounts).toBe("[false,true,true]");
    expect(asNobody).toBe("[false,true,true]");
  },
);
