/** An agent's connections: what each process exchanged with whom, and how exact that is. */
import { useSignal } from "@preact/signals";
import type { AgentSummary } from "../../model/fleet.ts";
import { Bytes, Empty, ErrorBox, Skeleton, Time } from "../parts/basics.tsx";
import { Choice, SearchField } from "../parts/controls.tsx";
import { Table, type Column } from "../parts/table.tsx";
import type { ConnectionSum } from "../state/connection-sums.ts";
import type { Subscribe } from "../state/live.ts";
import { useConnections } from "../state/use-connections.ts";
import { certainty, count, counted, shown } from "../words.ts";

const ROWS_MAX = 200;
const MINUTE_MS = 60_000;
const WINDOWS = [
  ["1", "1 minute"],
  ["10", "10 minutes"],
  ["60", "1 hour"],
  ["1440", "1 day"],
] as const;

export function ConnectionsTab(props: {
  agent: AgentSummary;
  subscribe: Subscribe;
  watchProblem: string | undefined;
}) {
  const { agent, subscribe } = props;
  const minutes = useSignal<(typeof WINDOWS)[number][0]>("10");
  const search = useSignal("");
  const { state, reload } = useConnections({
    agentId: agent.id,
    offsetMs: agent.clockOffsetMs ?? 0,
    windowMs: Number(minutes.value) * MINUTE_MS,
    search: search.value,
    subscribe,
  });
  return (
    <section aria-label="Connections">
      <div class="filters">
        <SearchField label="Search connections" value="" onSearch={(text) => (search.value = text)} />
        <Choice
          label="Last"
          value={minutes.value}
          options={WINDOWS}
          onChoose={(chosen) => (minutes.value = chosen === "" ? "10" : chosen)}
        />
      </div>
      {props.watchProblem === undefined || !agent.online ? null : (
        <p class="note">The agent could not be asked to tell more often: {props.watchProblem}</p>
      )}
      <Sums agent={agent} state={state.value} retry={reload.value} isFiltered={search.value !== ""} />
    </section>
  );
}

function Sums(props: {
  agent: AgentSummary;
  state: ReturnType<typeof useConnections>["state"]["value"];
  retry: () => void;
  isFiltered: boolean;
}) {
  const { sums, isTruncated, loading, error } = props.state;
  if (error !== undefined) return <ErrorBox error={error} retry={props.retry} />;
  if (loading && sums.length === 0) return <Skeleton lines={8} />;
  if (sums.length === 0) {
    return (
      <Empty title={props.isFiltered ? "No connection matches" : "Nothing was sent or received in this time"}>
        <p>
          {props.isFiltered
            ? "Search looks at programs, addresses and host names."
            : "Choose a longer time. New traffic appears here within seconds while this page is open."}
        </p>
      </Empty>
    );
  }
  const rest = sums.length - ROWS_MAX;
  return (
    <>
      {isTruncated ? (
        <p class="note">
          There is more in this time than can be added up here: every sum is a lower bound. Choose a shorter
          time.
        </p>
      ) : null}
      <div class="card table-card connections">
        <Table
          label="Connections"
          columns={columnsOf(props.agent, isTruncated)}
          rows={sums.slice(0, ROWS_MAX)}
          keyOf={(sum) => sum.key}
        />
      </div>
      {rest > 0 ? (
        <p class="muted">And {counted(rest, "smaller one", "smaller ones")}. Search to find one of them.</p>
      ) : null}
    </>
  );
}

function columnsOf(agent: AgentSummary, isTruncated: boolean): readonly Column<ConnectionSum>[] {
  const promise = (sum: ConnectionSum): number | null => (isTruncated ? null : sum.uncertaintyBytes);
  return [
    {
      name: "Program",
      kind: "main-cell",
      cell: (sum) =>
        sum.processName === "" ? (
          <span class="muted">not visible</span>
        ) : (
          <span class="process-name">{shown(sum.processName)}</span>
        ),
    },
    {
      name: "Remote",
      kind: "remote-cell",
      cell: (sum) => (
        <span class="remote">
          <span>{shown(sum.remoteHost ?? sum.remoteAddress)}</span>
          <small class="muted number">
            {shown(sum.protocol)} {shown(remoteWords(sum))}
          </small>
        </span>
      ),
    },
    {
      name: "Sent",
      kind: "right short-cell",
      cell: (sum) => <Bytes value={sum.bytesSent} uncertaintyBytes={promise(sum)} />,
    },
    {
      name: "Received",
      kind: "right short-cell",
      cell: (sum) => <Bytes value={sum.bytesReceived} uncertaintyBytes={promise(sum)} />,
    },
    {
      name: "Certainty",
      kind: "short-cell",
      cell: (sum) => (
        <span class={promise(sum) === 0 ? "good" : "muted"} title={`${shown(sum.meaning)} bytes`}>
          {certainty(promise(sum))}
        </span>
      ),
    },
    {
      name: "Last",
      kind: "time-cell",
      cell: (sum) => <Time atMs={sum.lastMs} offsetMs={agent.clockOffsetMs ?? 0} />,
    },
  ];
}

function remoteWords(sum: ConnectionSum): string {
  const port = sum.remotePort === null ? "several ports" : `port ${sum.remotePort}`;
  const many = sum.connections > 1 ? `, ${count(sum.connections)} connections` : "";
  return sum.remoteHost === null ? `${port}${many}` : `${sum.remoteAddress} ${port}${many}`;
}
