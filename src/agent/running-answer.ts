/** What the agent answers about the processes that run: those of a program or a category, so many as fit one frame. */
import type { ProcessFilter } from "./control.ts";
import type { ProcessQueries } from "./contract.ts";
import type { RunningProcess } from "../protocol/fleet/payloads.ts";

/** A frame holds 4 MiB. */
const BYTES_MAX = 3_000_000;

export interface RunningAnswer {
  /** All that match, also those that are not listed. */
  readonly matching: number;
  /** The newest. */
  readonly processes: readonly RunningProcess[];
}

export function runningAnswer(auditor: ProcessQueries, filter: ProcessFilter): RunningAnswer {
  const { category, program } = filter;
  const inCategory = auditor.running(category === undefined ? {} : { category });
  const found = program === undefined ? inCategory : ofProgram(auditor, inCategory, program);
  const newestFirst = found.toSorted((left, right) => right.startedAtMs - left.startedAtMs);
  let bytes = 0;
  const fitting = newestFirst.findIndex((process) => {
    bytes += Buffer.byteLength(JSON.stringify(process)) + 1;
    return bytes > BYTES_MAX;
  });
  return { matching: found.length, processes: fitting < 0 ? newestFirst : newestFirst.slice(0, fitting) };
}

function ofProgram(
  auditor: ProcessQueries,
  processes: readonly RunningProcess[],
  program: string,
): RunningProcess[] {
  const called = new Set(auditor.running({ name: program }).map(({ processId }) => processId));
  return processes.filter(
    ({ processId, fingerprintHash }) => called.has(processId) || fingerprintHash === program.toLowerCase(),
  );
}
