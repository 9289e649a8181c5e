/** A ring buffer of the kernel, emptied for real: every process that is started tells of itself, and overflow is counted. */
import { describe, expect } from "bun:test";
import { openLibbpf } from "../../src/capture/linux/ebpf/libraries.ts";
import { PerCpuCounters } from "../../src/capture/linux/ebpf/maps.ts";
import { BpfObject, type BpfMap } from "../../src/capture/linux/ebpf/object.ts";
import { RingBuffer } from "../../src/capture/linux/ebpf/ring.ts";
import { EVENT, EVENT_TYPES, LOSS } from "../../src/decode/ebpf-records.ts";
import { compiledPrograms } from "../support/ebpf-object.ts";
import { testWith, type Need } from "../support/needs.ts";

const NEEDS: readonly Need[] = ["root", "program:clang", "program:llvm-strip"];

const RING_BYTES = 32_768;

interface Event {
  readonly type: number;
  readonly tgid: number;
  readonly timeNs: number;
}

/** Only the programs that tell of processes, with a ring of so many bytes. */
function openEvents(eventsBytes: number): { object: BpfObject; events: BpfMap; losses: BpfMap } {
  openLibbpf(undefined);
  const object = new BpfObject(compiledPrograms());
  object.setMaxEntries("wb_events", eventsBytes);
  const programs = object.programs.filter(({ section }) => section.startsWith("raw_tp/sched_process_"));
  expect(programs.length).toBe(3);
  expect(object.load(new Set(programs.map(({ name }) => name)))).toBeUndefined();
  for (const program of programs) expect(object.attach(program)).toBeUndefined();
  const [events, losses] = [object.maps().get("wb_events"), object.maps().get("wb_losses")];
  if (events === undefined || losses === undefined) throw new Error("maps are missing");
  return { object, events, losses };
}

/** Cuts records apart by their own size; all bytes must belong to one. */
function eventsIn(records: Uint8Array): Event[] {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const events: Event[] = [];
  let at = 0;
  while (at < records.length) {
    const type = EVENT.get.type(view, at);
    const size = EVENT.get.size(view, at);
    expect(Object.values<number>(EVENT_TYPES)).toContain(type);
    expect(size).toBeGreaterThanOrEqual(EVENT.size);
    events.push({ type, tgid: EVENT.get.tgid(view, at), timeNs: EVENT.get.timeNs(view, at) });
    at += size;
  }
  expect(at).toBe(records.length);
  return events;
}

function startProcess(): number {
  return Bun.spawnSync(["/bin/true"]).pid;
}

describe("a ring buffer", () => {
  testWith(NEEDS, "tells of each process once, in order, over many turns of the ring", () => {
    const { object, events } = openEvents(RING_BYTES);
    using _ = object;
    using ring = new RingBuffer(events);
    ring.drain();
    let bytes = 0;
    for (let turn = 0; turn < 120; turn++) {
      const pids = [startProcess(), startProcess(), startProcess()];
      const records = ring.drain();
      bytes += records.length;
      const seen = eventsIn(records);
      for (const pid of pids) {
        const types = seen.filter((event) => event.tgid === pid).map((event) => event.type);
        expect(types).toEqual([EVENT_TYPES.fork, EVENT_TYPES.exec, EVENT_TYPES.exit]);
      }
    }
    expect(bytes).toBeGreaterThan(RING_BYTES);
  });

  testWith(NEEDS, "that overflows says so, and goes on once it is emptied", () => {
    const { object, events, losses } = openEvents(4096);
    using _ = object;
    using ring = new RingBuffer(events);
    const counters = new PerCpuCounters(losses);
    const eventsFull = LOSS.offsetOf.eventsFull / 8;
    ring.drain();
    const before = counters.read()[eventsFull] ?? 0;
    for (let count = 0; count < 40; count++) startProcess();
    expect((counters.read()[eventsFull] ?? 0) - before).toBeGreaterThan(40);
    const kept = ring.drain();
    expect(eventsIn(kept).length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(events.maxEntries);
    const pid = startProcess();
    expect(eventsIn(ring.drain()).filter((event) => event.tgid === pid).length).toBe(3);
  });

  testWith(NEEDS, "is empty after it was disposed of", () => {
    const { object, events } = openEvents(4096);
    using _ = object;
    const ring = new RingBuffer(events);
    ring[Symbol.dispose]();
    ring[Symbol.dispose]();
    startProcess();
    expect(ring.drain().length).toBe(0);
  });
});
