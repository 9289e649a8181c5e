/** An agent's processes as they start and stop; what each is, and a person's word about it. */
import { useSignal } from "@preact/signals";
import type { ProcessCategory } from "../../model/categories.ts";
import type { AgentSummary, ProcessRecord } from "../../model/fleet.ts";
import { CategoryChip, Empty, ErrorBox, ExactTime, Fact, Skeleton, Time } from "../parts/basics.tsx";
import { Busy, CategoryChoice, Choice, Pager, SearchField } from "../parts/controls.tsx";
import { OverrideDialog } from "../parts/override-dialog.tsx";
import { Table, type Column } from "../parts/table.tsx";
import type { RunningFilter } from "../state/process-list.ts";
import type { Subscribe } from "../state/live.ts";
import { mayChange } from "../state/session.ts";
import { useProcesses, type LiveProcesses } from "../state/use-processes.ts";
import { categoryName, shown, sourceName } from "../words.ts";

const SHOWN: readonly (readonly [RunningFilter, string])[] = [
  ["running", "Running"],
  ["stopped", "Stopped"],
  ["all", "All"],
];

export function ProcessesTab({ agent, subscribe }: { agent: AgentSummary; subscribe: Subscribe }) {
  const running = useSignal<RunningFilter>("running");
  const category = useSignal<ProcessCategory | "">("");
  const search = useSignal("");
  const filter = { running: running.value, category: category.value };
  const live = useProcesses(agent.id, filter, search.value, subscribe);
  const isFiltered = category.value !== "" || search.value !== "" || running.value !== "running";
  return (
    <section aria-label="Processes">
      <div class="filters">
        <SearchField label="Search processes" value="" onSearch={(text) => (search.value = text)} />
        <Choice
          label="Show"
          value={running.value}
          options={SHOWN}
          onChoose={(chosen) => (running.value = chosen === "" ? "all" : chosen)}
        />
        <CategoryChoice value={category.value} onChoose={(chosen) => (category.value = chosen)} />
      </div>
      <ProcessTable agent={agent} live={live} isFiltered={isFiltered} />
    </section>
  );
}

function ProcessTable(props: { agent: AgentSummary; live: LiveProcesses; isFiltered: boolean }) {
  const { agent, live } = props;
  const opened = useSignal<string | undefined>(undefined);
  const subject = useSignal<ProcessRecord | undefined>(undefined);
  const { items, loading, error } = live.list.state.value;
  const retry = (): void => void live.list.reload();
  if (error !== undefined && items.length === 0) return <ErrorBox error={error} retry={retry} />;
  if (loading === "first") return <Skeleton lines={8} />;
  const override = mayChange.value ? (process: ProcessRecord) => (subject.value = process) : undefined;
  return (
    <>
      {error === undefined ? null : <ErrorBox error={error} retry={retry} />}
      {items.length === 0 ? (
        <NoProcesses agent={agent} isFiltered={props.isFiltered} />
      ) : (
        <div class="card table-card processes">
          <Busy state={live.list.state} />
          <Table
            label="Processes"
            columns={columnsOf(agent, opened, override)}
            rows={items}
            keyOf={(process) => process.processId}
            rowClass={(process) =>
              process.stoppedAtMs !== null
                ? "row-faded"
                : live.fresh.value.has(process.processId)
                  ? "row-new"
                  : ""
            }
            below={(process) =>
              opened.value === process.processId ? (
                <Details process={process} agent={agent} all={items} />
              ) : null
            }
          />
        </div>
      )}
      <Pager list={live.list} noun="processes" />
      {subject.value === undefined ? null : (
        <OverrideDialog
          subject={{ ...subject.value, source: subject.value.categorySource }}
          onClose={() => (subject.value = undefined)}
          onDone={live.classified}
        />
      )}
    </>
  );
}

function NoProcesses({ agent, isFiltered }: { agent: AgentSummary; isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No process matches">
      <p>Choose all categories, show all, or search for fewer letters.</p>
    </Empty>
  ) : (
    <Empty title="No running process has been told yet">
      <p>
        {agent.online
          ? "They come with the agent's first scan, a few seconds after it joined."
          : "The agent is not connected. On that machine, wb agent status says why."}
      </p>
    </Empty>
  );
}

function columnsOf(
  agent: AgentSummary,
  opened: { value: string | undefined },
  override: ((process: ProcessRecord) => void) | undefined,
): readonly Column<ProcessRecord>[] {
  const offsetMs = agent.clockOffsetMs ?? 0;
  return [
    {
      name: "Process",
      kind: "main-cell",
      cell: (process) => {
        const isOpen = opened.value === process.processId;
        return (
          <button
            type="button"
            class="row-button"
            aria-expanded={isOpen}
            onClick={() => (opened.value = isOpen ? undefined : process.processId)}
          >
            <span class="process-name">{shown(process.name)}</span>
          </button>
        );
      },
    },
    {
      name: "Category",
      kind: "chip-cell",
      cell: (process) =>
        override === undefined ? (
          <CategoryChip category={process.category} />
        ) : (
          <button
            type="button"
            class="chip-button"
            title="Set another category"
            aria-label={`Category of ${shown(process.name)}: ${categoryName(process.category)}. Set another.`}
            onClick={() => override(process)}
          >
            <CategoryChip category={process.category} />
          </button>
        ),
    },
    { name: "PID", kind: "right short-cell number", cell: (process) => process.pid },
    {
      name: "User",
      kind: "short-cell clip",
      cell: (process) => (process.userName === null ? "—" : shown(process.userName)),
    },
    {
      name: "Started",
      kind: "time-cell",
      cell: (process) => <Time atMs={process.startedAtMs} offsetMs={offsetMs} />,
    },
    {
      name: "Ended",
      kind: "time-cell",
      cell: (process) =>
        process.stoppedAtMs === null ? (
          <span class="still muted">running</span>
        ) : (
          <Ended process={process} offsetMs={offsetMs} />
        ),
    },
  ];
}

function Ended({ process, offsetMs }: { process: ProcessRecord; offsetMs: number }) {
  if (process.stoppedAtMs === null) return null;
  return (
    <>
      {process.isEndExact ? null : <span title="A scan found it gone: it ended then at the latest">≤ </span>}
      <Time atMs={process.stoppedAtMs} offsetMs={offsetMs} />
    </>
  );
}

function Details(props: { process: ProcessRecord; agent: AgentSummary; all: readonly ProcessRecord[] }) {
  const { process } = props;
  const parent = props.all.find((other) => other.processId === process.parentProcessId);
  const parentName = parent === undefined ? "" : `${shown(parent.name)}, `;
  return (
    <dl class="facts facts-columns">
      <Fact name="Path" wide>
        <code>{process.path === null ? "may not be read" : shown(process.path)}</code>
      </Fact>
      <Fact name="Command line (without secrets)" wide>
        <code>{process.commandLine === "" ? "—" : shown(process.commandLine)}</code>
      </Fact>
      <Fact name="Publisher">{process.publisher === null ? "not known" : shown(process.publisher)}</Fact>
      <Fact name="Version">{process.version === null ? "not known" : shown(process.version)}</Fact>
      <Fact name="Parent">
        {process.parentPid === null ? "none" : `${parentName}PID ${process.parentPid}`}
      </Fact>
      <Fact name="Category">
        {categoryName(process.category)} · {sourceName(process.categorySource).toLowerCase()}
      </Fact>
      <Fact name="Started">
        <ExactTime atMs={process.startedAtMs} />
      </Fact>
      <Fact name="Ended">
        {process.stoppedAtMs === null ? "still running" : <ExactTime atMs={process.stoppedAtMs} />}
      </Fact>
      <Fact name="How it was seen">{seenWords(process)}</Fact>
      <Fact name="Fingerprint" wide>
        <code>{process.fingerprintHash}</code>
      </Fact>
    </dl>
  );
}

function seenWords(process: ProcessRecord): string {
  if (process.isEndExact) return "As it happened: times are exact";
  return process.stoppedAtMs === null
    ? "By a scan: the start is to 10 ms"
    : "By a scan: it ended at this time at the latest";
}
