/** `wb agent processes`: what runs here by the agent's own registry. With a program's name it says by its exit code whether it runs. */
import { join } from "node:path";
import { askControl } from "../agent/control.ts";
import type { RunningAnswer } from "../agent/running-answer.ts";
import { FILES, isInUse } from "../agent/state.ts";
import { CATEGORIES, isCategory } from "../model/categories.ts";
import { WbError } from "../model/errors.ts";
import type { RunningProcess } from "../protocol/fleet/payloads.ts";
import { agentSettings, type AgentFlags } from "./agent-options.ts";
import { moment, orDash, printJson, printTable } from "./fleet/print.ts";
import { say } from "./output.ts";
import type { Column } from "./print/layout.ts";

export interface ProcessesFlags extends AgentFlags {
  readonly category?: string;
  readonly json?: true;
}

const COLUMNS: readonly Column<RunningProcess>[] = [
  { heading: "PID", right: true, text: ({ pid }) => String(pid) },
  { heading: "NAME", widthMax: 32, shrinks: true, text: ({ fingerprint }) => fingerprint.name },
  { heading: "CATEGORY", text: ({ category }) => category },
  { heading: "USER", leavesAt: 1, widthMax: 16, text: ({ userName }) => orDash(userName) },
  { heading: "STARTED", text: ({ startedAtMs }) => moment(startedAtMs) },
  {
    heading: "COMMAND",
    leavesAt: 2,
    widthMax: 60,
    shrinks: true,
    text: ({ fingerprint }) => fingerprint.commandLinePattern || orDash(fingerprint.path),
  },
];

async function ask(directory: string, flags: ProcessesFlags, program?: string): Promise<RunningAnswer> {
  const { category } = flags;
  if (category !== undefined && !isCategory(category)) {
    throw new WbError("usage", `"${category}" is no category`, {
      hint: `there are ${CATEGORIES.join(", ")}`,
    });
  }
  if (!isInUse(directory)) {
    throw new WbError("unavailable", "no agent runs here that could be asked", {
      hint: "start it: wb agent; one with a directory of its own is named by --state-dir, root's is asked by sudo",
    });
  }
  const filter = {
    ...(category === undefined ? {} : { category }),
    ...(program === undefined ? {} : { program }),
  };
  return (await askControl(join(directory, FILES.socket), { ask: "processes", filter })) as RunningAnswer;
}

/** Exit code 1 where a program was named and none runs. */
export async function runProcesses(program: string | undefined, flags: ProcessesFlags): Promise<void> {
  const { directory } = await agentSettings(flags);
  const { matching, processes } = await ask(directory, flags, program);
  if (program !== undefined && matching === 0) process.exitCode = 1;
  if (flags.json === true) return await printJson("processes", processes);
  const nothing = program === undefined ? "no such processes run" : `${program} does not run`;
  await printTable(processes, COLUMNS, nothing);
  if (matching > processes.length) say(`${matching} run; these are the ${processes.length} newest`);
}
