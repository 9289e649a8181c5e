/** All agents: who is online, how they are, what they lost. One page of the list at a time, kept fresh by live events. */
import { useSignal } from "@preact/signals";
import { AGENT_STATES, type AgentState, type AgentSummary, type LiveEvent } from "../../model/fleet.ts";
import { api } from "../api.ts";
import { Bar, Empty, ErrorBox, PresenceDot, Skeleton, Time } from "../parts/basics.tsx";
import { Busy, Choice, Command, Pager, SearchField } from "../parts/controls.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { linkTo } from "../routes.ts";
import { mayChange } from "../state/session.ts";
import { useList, useLiveReload } from "../state/use-list.ts";
import { count, healthWords, lossWords, shown, stateName, usedPercent } from "../words.ts";

const PAGE_ROWS = 50;
const FRESH_MS = 15_000;

export function AgentsPage() {
  const search = useSignal("");
  const state = useSignal<AgentState | "">("");
  const asked = { search: search.value, state: state.value === "" ? undefined : state.value };
  const list = useList(JSON.stringify(asked), (cursor, signal) =>
    api.agents({ ...asked, limit: PAGE_ROWS, cursor }, signal),
  );
  useLiveReload({
    types: ["agent", "loss"],
    reload: () => void list.reload(),
    isOfInterest: (event) => concerns(event, list.state.peek()),
    everyMs: FRESH_MS,
  });
  return (
    <section class="page">
      <div class="page-head">
        <h1>Agents</h1>
        <div class="filters">
          <SearchField label="Search agents" value="" onSearch={(text) => (search.value = text)} />
          <Choice
            label="State"
            value={state.value}
            all="All"
            options={AGENT_STATES.map((each) => [each, stateName(each)] as const)}
            onChoose={(chosen) => (state.value = chosen)}
          />
        </div>
      </div>
      <AgentList list={list} isFiltered={search.value !== "" || state.value !== ""} />
    </section>
  );
}

/** An agent that is shown, or one that may have to be: where there is room on the page that is shown. */
function concerns(event: LiveEvent, shownNow: { items: readonly AgentSummary[]; hasNext: boolean }): boolean {
  if (event.type !== "agent" && event.type !== "loss") return false;
  return !shownNow.hasNext || shownNow.items.some((agent) => agent.id === event.agentId);
}

function AgentList({
  list,
  isFiltered,
}: {
  list: ReturnType<typeof useList<AgentSummary>>;
  isFiltered: boolean;
}) {
  const { items, loading, error } = list.state.value;
  const retry = (): void => void list.reload();
  if (error !== undefined && items.length === 0) return <ErrorBox error={error} retry={retry} />;
  if (loading === "first") return <Skeleton lines={8} />;
  if (items.length === 0) return isFiltered ? <NoMatch /> : <NoAgents />;
  return (
    <>
      {error === undefined ? null : <ErrorBox error={error} retry={retry} />}
      <div class="card table-card agents">
        <Busy state={list.state} />
        <Table
          label="Agents"
          columns={COLUMNS}
          rows={items}
          keyOf={(agent) => agent.id}
          rowClass={(agent) => (agent.online ? "" : "row-faded")}
        />
      </div>
      <Pager list={list} noun="agents" />
    </>
  );
}

function NoMatch() {
  return (
    <Empty title="No agent matches">
      <p>Search looks at host names and ids. Use fewer letters, or choose all states.</p>
    </Empty>
  );
}

function NoAgents() {
  return (
    <Empty title="No agent has joined yet">
      <p>Make a token here, on the parent:</p>
      <Command text="wb serve token create --uses 1 --expires 1h" what="The command for the parent" />
      <p>Then, on the machine that you want to see:</p>
      <Command text="wb agent join TOKEN" what="The command for the agent" />
      <p>
        and <code>wb agent install</code> to have it started with the machine.
      </p>
      {mayChange.value ? (
        <p>
          Or <a href={linkTo("join")}>make the token on this page</a>.
        </p>
      ) : null}
    </Empty>
  );
}

/** The three shares that say how a machine is. */
export function HealthBars({ agent }: { agent: AgentSummary }) {
  const { health } = agent;
  if (health === null) return <span class="muted">Not told yet</span>;
  const words = healthWords(health);
  return (
    <span class="bars">
      <Bar name="CPU" percent={health.cpuPercent} />
      <Bar
        name="Memory"
        percent={usedPercent(health.memoryTotalBytes, health.memoryAvailableBytes)}
        detail={words.memory}
      />
      <Bar
        name="Disk"
        percent={usedPercent(health.diskTotalBytes, health.diskFreeBytes)}
        detail={words.disk}
      />
    </span>
  );
}

function Notices({ notices }: { notices: readonly string[] }) {
  const [worst, ...others] = notices;
  if (worst === undefined) return <span class="muted">—</span>;
  return (
    <span class="notices" title={notices.map(shown).join("\n")}>
      <span class="clip-two">{shown(worst)}</span>
      {others.length === 0 ? null : <small> and {others.length} more</small>}
    </span>
  );
}

export function Loss({ agent }: { agent: AgentSummary }) {
  const { text, isLoss } = lossWords(agent.streams);
  return <span class={isLoss ? "number bad" : "muted"}>{text}</span>;
}

const COLUMNS: readonly Column<AgentSummary>[] = [
  {
    name: "Agent",
    kind: "main-cell",
    cell: (agent) => (
      <span class="host">
        <PresenceDot agent={agent} />
        <span>
          <a class="host-name" href={linkTo("agents", agent.id)}>
            {shown(agent.hostname)}
          </a>
          {agent.state === "active" ? null : (
            <span class={`badge badge-${agent.state}`}>{stateName(agent.state)}</span>
          )}
          <small class="muted">
            {shown(agent.platform)} · {shown(agent.version)}
          </small>
        </span>
      </span>
    ),
  },
  { name: "Health", kind: "health-cell", cell: (agent) => <HealthBars agent={agent} /> },
  {
    name: "Processes",
    kind: "right short-cell",
    cell: (agent) => <span class="number">{count(agent.runningProcesses)}</span>,
  },
  { name: "Lost", kind: "short-cell", cell: (agent) => <Loss agent={agent} /> },
  {
    name: "Last seen",
    kind: "short-cell time-cell",
    cell: (agent) =>
      agent.lastSeenAtMs === null ? <span class="muted">never</span> : <Time atMs={agent.lastSeenAtMs} />,
  },
  { name: "Notices", kind: "notice-cell", cell: (agent) => <Notices notices={agent.notices} /> },
];
