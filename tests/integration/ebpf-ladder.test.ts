/**
 * Kernel programs loaded and attached for real, by the best method of this kernel: each that may be missing is missing
 * once, and the others are there; what counting needs is never missing; and nothing is left in the kernel.
 */
import { describe, expect } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useLibbpf } from "../../ffi/linux/libbpf.ts";
import { groupOf, requiredSections, TAKEN_SECTION } from "../../src/capture/linux/ebpf/groups.ts";
import { openEbpf, type LoadedEbpf } from "../../src/capture/linux/ebpf/ladder.ts";
import { openLibbpf } from "../../src/capture/linux/ebpf/libraries.ts";
import { lookUp } from "../../src/capture/linux/ebpf/maps.ts";
import { BpfObject, type BpfProgram } from "../../src/capture/linux/ebpf/object.ts";
import { DEGRADATIONS } from "../../src/capture/linux/degradations.ts";
import { EBPF_METHODS } from "../../src/model/capture-status.ts";
import { WbError } from "../../src/model/errors.ts";
import { nobodysPlace } from "../support/as-nobody.ts";
import { compiledPrograms, withoutSection } from "../support/ebpf-object.ts";
import type { OpenAnswer } from "../support/ebpf-open.ts";
import { failingAttach } from "../support/failing-attach.ts";
import { testWith, type Need } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

const NEEDS: readonly Need[] = ["root", "program:clang", "program:llvm-strip"];
const WITH_BPFTOOL: readonly Need[] = [...NEEDS, "program:bpftool"];
const SCRIPT = join(import.meta.dir, "../support/ebpf-open.ts");

const KINDS = ["prog", "map", "link"] as const;

const MISSING_GROUP = {
  cgroup: [DEGRADATIONS.no_cgroup],
  names: [DEGRADATIONS.no_names],
  process: [DEGRADATIONS.no_process_events],
  base: [],
  counting: [],
} as const;

function programsOf(object: Uint8Array): readonly BpfProgram[] {
  openLibbpf(undefined);
  using opened = new BpfObject(object);
  return opened.programs;
}

/** Ids of the kernel's objects that a process holds a descriptor of. */
function heldBy(pid: number, kind: "prog" | "map" | "link"): number[] {
  const directory = `/proc/${pid}/fdinfo`;
  const ids = readdirSync(directory).map((fd) => {
    try {
      const text = readFileSync(join(directory, fd), "utf8");
      // A link's lines tell its program, too.
      if (kind !== "link" && text.includes("link_id:")) return undefined;
      return new RegExp(`^${kind}_id:\\s*(\\d+)$`, "m").exec(text)?.[1];
    } catch {
      return undefined; // the descriptor of the directory itself is gone by now
    }
  });
  return ids.filter((id) => id !== undefined).map(Number);
}

/** Of the whole machine. */
function inKernel(kind: "prog" | "map" | "link"): number[] {
  const run = Bun.spawnSync(["bpftool", "-j", kind, "list"], { stdout: "pipe", stderr: "pipe" });
  expect(run.stderr.toString()).toBe("");
  return (JSON.parse(run.stdout.toString()) as { readonly id: number }[]).map(({ id }) => id);
}

/** The kernel frees objects some milliseconds after their last descriptor. */
async function expectGone(ids: Readonly<Record<(typeof KINDS)[number], readonly number[]>>): Promise<void> {
  for (const kind of KINDS)
    await waitFor(`each ${kind} to go`, () => inKernel(kind).every((id) => !ids[kind].includes(id)));
}

function held(pid: number): Record<(typeof KINDS)[number], number[]> {
  return { prog: heldBy(pid, "prog"), map: heldBy(pid, "map"), link: heldBy(pid, "link") };
}

function expectAllOf<T>(found: readonly T[], wanted: readonly T[]): void {
  expect(wanted.filter((each) => !found.includes(each))).toEqual([]);
}

function refusal(open: () => LoadedEbpf): WbError {
  try {
    open()[Symbol.dispose]();
  } catch (error) {
    if (error instanceof WbError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

/** The words of the read-only data that programs are configured by. */
function constantsOf(loaded: LoadedEbpf): Uint32Array {
  const map = [...loaded.maps.values()].find(({ name }) => name.endsWith(".rodata"));
  if (map === undefined) throw new Error("there are no constants");
  const value = new Uint8Array(map.valueSize);
  lookUp(map, new Uint8Array(4), value);
  return new Uint32Array(value.buffer, 0, Math.floor(value.length / 4));
}

describe("the ladder", () => {
  testWith(NEEDS, "attaches every program of the method, with the sizes that were asked for", () => {
    const object = compiledPrograms();
    using loaded = openEbpf({
      object,
      socketsMax: 77,
      bytesMax: 99,
      eventsBytes: 5000,
      namesBytes: 4096,
      peersMax: 4242,
    });
    const members = programsOf(object).filter((program) => groupOf(program, loaded.method) !== undefined);
    const failed = loaded.failures.map(({ program }) => program.name);
    expect([...loaded.programs, ...failed].sort()).toEqual(members.map(({ name }) => name).sort());
    const sections = members
      .filter(({ name }) => loaded.programs.includes(name))
      .map(({ section }) => section);
    expectAllOf(sections, requiredSections(loaded.method, true));
    expect(loaded.maps.get("wb_sockets")?.maxEntries).toBe(77);
    expect(loaded.maps.get("wb_bytes")?.maxEntries).toBe(99);
    expect(loaded.maps.get("wb_events")?.maxEntries).toBe(8192);
    expect(loaded.maps.get("wb_names")?.maxEntries).toBe(4096);
    expect(constantsOf(loaded)).toContain(4242);
  });

  testWith(
    NEEDS,
    "goes on without any one of the programs that may be missing",
    () => {
      const object = compiledPrograms();
      using whole = openEbpf({ object });
      const { method } = whole;
      const all = programsOf(object).filter(({ name }) => whole.programs.includes(name));
      const optional = all.filter(({ section }) => !requiredSections(method, true).includes(section));
      expect(optional.length).toBeGreaterThan(10);
      for (const missing of optional) {
        using loaded = openEbpf({ object: withoutSection(object, missing.section), method });
        const others = all.filter(({ name }) => name !== missing.name).map(({ name }) => name);
        expect([missing.section, loaded.programs.toSorted()]).toEqual([missing.section, others.sort()]);
        const failures = loaded.failures.filter(({ program }) => program.name === missing.name);
        expect(failures.length).toBe(1);
        expect(failures[0]?.reason.length).toBeGreaterThan(5);
        expect(failures[0]?.reason).not.toContain("\n");
        const group = groupOf(missing, method);
        const expected = group === undefined ? [] : MISSING_GROUP[group];
        expect([missing.section, loaded.degradations]).toEqual([
          missing.section,
          [...new Set([...whole.degradations, ...expected])],
        ]);
      }
    },
    600_000,
  );

  testWith(
    [...NEEDS, "program:cc"],
    "goes on without any one of them that can't be attached, and not without what it counts with",
    async () => {
      await using directory = await tmpdir();
      const object = compiledPrograms();
      const all = programsOf(object); // opens the real library, for what comes before and after
      using whole = openEbpf({ object });
      const { method } = whole;
      const attached = all.filter(({ name }) => whole.programs.includes(name));
      const required = requiredSections(method, true);
      const shim = await failingAttach(directory.path);
      try {
        useLibbpf(shim.path);
        for (const failing of attached) {
          shim.failSection(failing.section);
          if (required.includes(failing.section)) {
            const error = refusal(() => openEbpf({ object, method }));
            expect(error.message).toBe(
              `this kernel can't count by eBPF: ${method}: ${failing.section}: ENOENT`,
            );
            continue;
          }
          using loaded = openEbpf({ object, method });
          const others = attached.filter(({ name }) => name !== failing.name).map(({ name }) => name);
          expect([failing.section, loaded.programs.toSorted()]).toEqual([failing.section, others.sort()]);
          // What TCP's own count would have told is counted by calls then, and not both or neither.
          const constants = [constantsOf(whole), constantsOf(loaded)];
          const changed = [...(constants[0]?.keys() ?? [])].filter(
            (index) => constants[0]?.[index] !== constants[1]?.[index],
          );
          expect(changed.length).toBe(failing.section === TAKEN_SECTION ? 1 : 0);
        }
      } finally {
        useLibbpf();
      }
    },
  );

  testWith(NEEDS, "counts received bytes by calls where TCP's own count can't be looked at", () => {
    const object = compiledPrograms();
    using whole = openEbpf({ object });
    using loaded = openEbpf({
      object: withoutSection(object, "raw_tp/tcp_rcv_space_adjust"),
      method: whole.method,
    });
    const [before, after] = [constantsOf(whole), constantsOf(loaded)];
    const changed = [...before.keys()].filter((index) => before[index] !== after[index]);
    expect(changed.map((index) => [before[index], after[index]])).toEqual([[0, 1]]);
  });

  testWith(
    WITH_BPFTOOL,
    "refuses a method whose programs are not all there, says which, and leaves nothing",
    () => {
      const object = compiledPrograms();
      const method = "ebpf_tracepoint";
      for (const section of requiredSections(method, true)) {
        const error = refusal(() => openEbpf({ object: withoutSection(object, section), method }));
        expect(error.code).toBe("unavailable");
        expect(error.message).toStartWith(
          `this kernel can't count by eBPF: ${method}: ${section}: there is no such`,
        );
        expect(error.hint).toBeDefined();
        expect(held(process.pid)).toEqual({ prog: [], map: [], link: [] });
      }
    },
  );

  testWith(NEEDS, "has each method, or says what the kernel answered to which program", () => {
    const object = compiledPrograms();
    const best = openEbpf({ object });
    best[Symbol.dispose]();
    for (const method of EBPF_METHODS) {
      try {
        using loaded = openEbpf({ object, method });
        expect(loaded.method).toBe(method);
      } catch (error) {
        if (!(error instanceof WbError)) throw error;
        expect(error.code).toBe("unavailable");
        expect(error.message).toMatch(new RegExp(`: ${method}: \\w+/\\w+: (?:E[A-Z]+|errno \\d+)(?:: .+)?$`));
        expect(error.hint).toBe("Leave the method to choose itself.");
        expect(method).not.toBe(best.method);
      }
      expect(held(process.pid)).toEqual({ prog: [], map: [], link: [] });
    }
  });

  testWith(NEEDS, "loses no more than what is missing when several are", () => {
    let object = compiledPrograms();
    using whole = openEbpf({ object });
    const gone = ["cgroup/sendmsg6", "cgroup_skb/ingress", "raw_tp/sched_process_fork", "sockops"];
    for (const section of gone) object = withoutSection(object, section);
    using loaded = openEbpf({ object, method: whole.method });
    expect(whole.programs.length - loaded.programs.length).toBe(gone.length);
    expectAllOf<string>(
      loaded.degradations.map(({ code }) => code),
      ["no_cgroup", "no_names", "no_process_events"],
    );
  });

  testWith([...NEEDS, "program:unshare"], "does without cgroup v2 where it is not mounted", () => {
    const script = 'umount -a -t cgroup2 && exec "$@"';
    const command = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      script,
      "sh",
      process.execPath,
      SCRIPT,
      '{"load":true}',
    ];
    const child = Bun.spawnSync(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    expect(child.stderr.toString()).toBe("");
    const answer = JSON.parse(child.stdout.toString()) as OpenAnswer;
    expect(answer.error).toBeUndefined();
    expectAllOf(answer.degradations ?? [], ["no_cgroup", "no_names"]);
    expectAllOf(answer.failures ?? [], ["cgroup/sock_create", "cgroup_skb/egress", "sockops"]);
    expect(answer.failures?.filter((section) => section.startsWith("raw_tp/"))).toEqual([]);
  });

  testWith([...NEEDS, "program:setpriv"], "tells an ordinary user what is missing", async () => {
    await using place = await nobodysPlace();
    const bundle = await Bun.build({ entrypoints: [SCRIPT], outdir: place.path, target: "bun" });
    expect(bundle.success).toBe(true);
    const object = join(place.path, "programs.o");
    writeFileSync(object, compiledPrograms());
    const bun = await place.install(process.execPath, "bun");
    const request = JSON.stringify({ load: true, object });
    const command = place.command(bun, join(place.path, "ebpf-open.js"), request);
    const child = Bun.spawnSync(command, {
      cwd: place.path,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(child.stderr.toString()).toBe("");
    const answer = JSON.parse(child.stdout.toString()) as OpenAnswer;
    expect(answer.error?.code).toBe("permission");
    expect(answer.error?.hint).toContain("CAP_BPF");
  });
});

describe("after the end", () => {
  testWith(WITH_BPFTOOL, "nothing is left in the kernel", async () => {
    const loaded = openEbpf({ object: compiledPrograms() });
    const ids = held(process.pid);
    expect(ids.prog.length).toBe(loaded.programs.length);
    expect(ids.link.length).toBe(loaded.programs.length);
    expect(ids.map.length).toBe(loaded.maps.size);
    expectAllOf(inKernel("prog"), ids.prog);
    loaded[Symbol.dispose]();
    loaded[Symbol.dispose]();
    expect(held(process.pid)).toEqual({ prog: [], map: [], link: [] });
    await expectGone(ids);
  });

  testWith(WITH_BPFTOOL, "nothing is left of a process that was killed", async () => {
    const child = Bun.spawn([process.execPath, SCRIPT, '{"load":true}'], { stdin: "pipe", stdout: "pipe" });
    const { value } = await child.stdout.getReader().read();
    expect((JSON.parse(new TextDecoder().decode(value)) as OpenAnswer).error).toBeUndefined();
    const ids = held(child.pid);
    expectAllOf(inKernel("prog"), ids.prog);
    expect(ids.link.length).toBeGreaterThan(10);
    child.kill("SIGKILL");
    await child.exited;
    await expectGone(ids);
  });
});
