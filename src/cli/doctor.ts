/** `wb doctor`: its options and its help. The looks are in doctor/, loaded when it is asked for. */
import { isatty } from "node:tty";
import { Command } from "commander";
import { document } from "./documentation.ts";

interface DoctorFlags {
  readonly json?: boolean;
  readonly dns: boolean;
  readonly elevate?: true;
  readonly config?: string;
}

const MEANING = `A check is fine (✓), could be better (!), failed (✗), or does not apply here (·); without a UTF-8 locale the marks are + ! x -. Only a failed one makes the exit code 1: something that wb needs does not work. What can be done about the rest is said below the list.

Exactness is not believed but tried: the doctor opens a connection to itself over loopback, sends a known number of bytes, closes it, and compares what the capture says with the truth.`;

/** A fresh command: commander keeps what it parsed. */
export function doctorCommand(): Command {
  const command = new Command("doctor")
    .summary("Say what works here, what does not, and the one command that mends it")
    .description(
      "Say what of WireBound works on this machine, what does not, and the one command that mends it.",
    )
    .option("--json", "one JSON document (docs/doctor.md)")
    .option("--no-dns", "ask no name server")
    .option("--elevate", "start an elevated helper, as wb monitor --elevate does, and look with it")
    .option("--config <file>", "configuration file, instead of the usual places")
    .allowExcessArguments(false)
    .action(runDoctor);
  return document(command, {
    sections: [{ heading: "What the marks mean", text: MEANING }],
    examples: [
      { command: "wb doctor", purpose: "what works here, and what would make it better?" },
      { command: "sudo wb doctor", purpose: "the same as root, who also tries each way of counting by eBPF" },
      { command: "wb doctor --elevate", purpose: "does wb monitor --elevate work here, and how well?" },
      {
        command: "wb doctor --json | jq -r '.checks[] | select(.remedy) | .remedy'",
        purpose: "only what can be done",
      },
    ],
    environment: [
      { name: "WB_NO_DNS", meaning: "the same as --no-dns, if set to 1" },
      { name: "WB_NO_HELPER", meaning: "look without the service of the elevated helper, if set to 1" },
      { name: "WB_CONFIG", meaning: "the same as --config" },
    ],
    exitCodes: [
      { code: 0, meaning: "nothing failed" },
      { code: 1, meaning: "something that wb needs does not work" },
      { code: 2, meaning: "wrong flag or argument" },
    ],
  });
}

/** A doctor that takes longer than this says what it waits for. */
const PATIENCE_MS = 1000;

async function runDoctor(flags: DoctorFlags): Promise<void> {
  const [
    { examine },
    { lookAtService, tryMethods },
    { findingsDocument, findingsText },
    { hasColours },
    { isUtf8 },
    { systemClock },
    { standardOutput },
  ] = await Promise.all([
    import("./doctor/examine.ts"),
    import("./doctor/service-look.ts"),
    import("./doctor/print.ts"),
    import("./doctor/surroundings.ts"),
    import("../platform/locale.ts"),
    import("../lib/clock.ts"),
    import("./output.ts"),
  ]);
  const { env } = process;
  const hasScreen = isatty(1);
  const columns = hasScreen ? process.stdout.columns : undefined;
  const rows = hasScreen ? process.stdout.rows : undefined;
  const endWaiting = tellWaiting(flags.elevate === true ? "the elevated helper" : "the name server");
  const checks = await examine({
    clock: systemClock,
    env,
    terminal: { isTerminal: isatty(0) && hasScreen, columns, rows, env },
    openCapture: async (helper) => (await import("../capture/open.ts")).openCapture({ helper }),
    lookAtService: (places) => lookAtService(places, systemClock),
    elevate: flags.elevate === true,
    tryMethods: (chosen) => tryMethods(chosen, {}),
    configPath: flags.config,
    dns: flags.dns,
  });
  endWaiting();
  if (flags.json === true) {
    const [{ jsonText }, { hostname }] = await Promise.all([
      import("./print/json-text.ts"),
      import("node:os"),
    ]);
    const found = findingsDocument(checks, { host: hostname(), checkedAtMs: systemClock.nowMs() });
    await standardOutput.write(`${jsonText(found)}\n`);
  } else {
    const colours = hasColours({ isTerminal: hasScreen, columns, rows, env });
    await standardOutput.write(findingsText(checks, { width: columns || 100, utf8: isUtf8(env), colours }));
  }
  if (checks.some(({ status }) => status === "fail")) process.exitCode = 1;
}

/** After a while says on a terminal what is waited for; the function that it returns wipes that away. */
function tellWaiting(what: string): () => void {
  let isTold = false;
  const patience = setTimeout(() => {
    isTold = isatty(2);
    if (isTold) process.stderr.write(`waiting for ${what}`);
  }, PATIENCE_MS);
  patience.unref();
  return () => {
    clearTimeout(patience);
    if (isTold) process.stderr.write("\r\u001b[K"); // back to the first column, and the line erased (ECMA-48)
  };
}
