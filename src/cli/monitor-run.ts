/** What `wb monitor` does: opens a session and shows it in the form that was asked for. */
import { hostname } from "node:os";
import { isatty } from "node:tty";
import type { QueryFunction } from "../model/contracts.ts";
import type { QueryResult } from "../model/query.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { isWithoutUnicode } from "../platform/locale.ts";
import { checkQuestion } from "./monitor-question.ts";
import type { MonitorOptions, OutputForm } from "./monitor-options.ts";
import { openSession, type MonitorSession } from "./monitor-session.ts";
import { BufferedOutput, say, standardOutput, warn } from "./output.ts";
import { stopSignal, type StopSignal } from "./stop-signal.ts";

/** The one snapshot that a document or a table is made of: of this moment, or of the whole duration. */
async function watch(options: MonitorOptions, session: MonitorSession, stop: StopSignal): Promise<Snapshot> {
  if (options.once) return await session.sampleOnce();
  // Each sample goes into the flow table; what is printed is the last one, taken at the end.
  for await (const snapshot of session.source.snapshots(stop.signal)) void snapshot;
  return await session.lastSample();
}

async function printTable(snapshot: Snapshot, result: QueryResult, output: BufferedOutput): Promise<void> {
  const { tableLines, summaryLines } = await import("./print/table.ts");
  // A serial console says 0: it does not know.
  const width = isatty(1) ? process.stdout.columns || undefined : undefined;
  for (const line of tableLines(result, { ratesKnown: snapshot.intervalMs !== undefined }, width)) {
    await output.write(`${line}\n`);
  }
  await output.flush();
  for (const line of summaryLines(snapshot, result)) say(line);
}

async function printOnce(options: MonitorOptions, ask: QueryFunction): Promise<void> {
  using stop = stopSignal(options);
  await using session = await openSession(options, warn);
  stop.begin();
  const snapshot = await watch(options, session, stop);
  const result = ask(snapshot, options.query);
  const output = new BufferedOutput(standardOutput);
  if (options.form === "json") {
    const { writeDocument } = await import("./print/document.ts");
    await writeDocument(output, snapshot, result, {
      host: hostname(),
      query: options.query,
      requestedDurationMs: options.durationMs,
      interrupted: stop.interrupted,
    });
  } else if (options.form === "csv") {
    const { writeCsv } = await import("./print/csv.ts");
    await writeCsv(output, result, { ratesKnown: snapshot.intervalMs !== undefined });
  } else await printTable(snapshot, result, output);
  await output.flush();
}

async function printStream(options: MonitorOptions, ask: QueryFunction): Promise<void> {
  const { SampleStream } = await import("./print/jsonl.ts");
  using stop = stopSignal(options);
  await using session = await openSession(options, warn);
  stop.begin();
  const output = new BufferedOutput(standardOutput);
  const { query, intervalMs } = options;
  const stream = new SampleStream(output, ask, { host: hostname(), query, intervalMs });
  if (!options.once) {
    for await (const snapshot of session.source.snapshots(stop.signal)) {
      await stream.sample(snapshot);
      await output.flush();
    }
  }
  const last = await (options.once ? session.sampleOnce() : session.lastSample());
  await stream.sample(last);
  await stream.end(last, options.once ? "once" : stop.interrupted ? "signal" : "duration");
  await output.flush();
}

/** What the screen says of the history: why it isn't recorded, or the last thing that a person should know. */
function historyNotice({ recorder }: MonitorSession): string | undefined {
  const status = recorder?.status();
  return status?.state === "standby" ? undefined : status?.message;
}

async function showScreen(options: MonitorOptions, ask: QueryFunction): Promise<void> {
  const [{ runTui }, { filterProblem, columnNames }] = await Promise.all([
    import("../tui/run.ts"),
    import("./monitor-question.ts"),
  ]);
  await using session = await openSession(options, () => {
    // The screen asks for it, see below.
  });
  const { by, filter, sort } = options.query;
  await runTui({
    source: session.source,
    query: ask,
    columnsOf: columnNames,
    parseFilter: filterProblem,
    notice: () => historyNotice(session),
    initial: { by, filter, sort },
    intervalMs: options.intervalMs,
    demo: options.demo,
    asciiOnly: isWithoutUnicode(process.env),
    ...(options.durationMs === undefined ? {} : { signal: AbortSignal.timeout(options.durationMs) }),
  });
}

async function recordOnly(options: MonitorOptions): Promise<void> {
  const { runHeadless, log } = await import("./headless.ts");
  using stop = stopSignal(options);
  await using session = await openSession(options, (message) => log("warning", message));
  stop.begin();
  await runHeadless(options, session, stop.signal);
}

const RUNNERS: Readonly<Record<OutputForm, (options: MonitorOptions, ask: QueryFunction) => Promise<void>>> =
  {
    screen: showScreen,
    headless: recordOnly,
    jsonl: printStream,
    json: printOnce,
    csv: printOnce,
    table: printOnce,
  };

/**
 * Runs until what was asked for is done.
 * @throws WbError for everything that a person can do something about.
 */
export async function runMonitor(options: MonitorOptions): Promise<void> {
  for (const warning of options.warnings) warn(warning);
  const { query: ask } = await import("../engine/query.ts");
  checkQuestion(options.query);
  await RUNNERS[options.form](options, ask);
}
