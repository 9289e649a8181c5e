/** An agent's health, who is logged in, and the account of its streams: produced = acked + pending + lost. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { AgentSummary, LossRecord, StreamAccount } from "../../model/fleet.ts";
import { api, type ApiError, type StreamReconciliation } from "../api.ts";
import { ErrorBox, Fact, Time } from "../parts/basics.tsx";
import { asApiError } from "../state/pages.ts";
import { accountHolds, count, duration, lossWords, shown } from "../words.ts";
import { HealthBars } from "./agents.tsx";

const LOSSES_SHOWN = 20;

export function AgentCards(props: { agent: AgentSummary; streams: readonly StreamReconciliation[] }) {
  const { agent, streams } = props;
  return (
    <div class="cards">
      <section class="card" aria-labelledby="health-title">
        <h2 id="health-title">Health</h2>
        <HealthBars agent={agent} />
        <MachineFacts agent={agent} />
      </section>
      <section class="card" aria-labelledby="sessions-title">
        <h2 id="sessions-title">Logged in</h2>
        <Sessions agent={agent} />
      </section>
      <section class="card card-wide" aria-labelledby="streams-title">
        <h2 id="streams-title">Telemetry</h2>
        <Streams agent={agent} streams={streams} />
      </section>
    </div>
  );
}

function MachineFacts({ agent }: { agent: AgentSummary }) {
  const { health, clockOffsetMs } = agent;
  return (
    <dl class="facts">
      {health === null ? null : (
        <>
          <Fact name="Up for">{duration(health.uptimeSeconds * 1000)}</Fact>
          <Fact name="Load">
            <span class="number" title="Over 1, 5 and 15 minutes">
              {health.load.map((value) => value.toFixed(2)).join("  ")}
            </span>
          </Fact>
        </>
      )}
      <Fact name="Processes">
        <span class="number">{count(agent.runningProcesses)}</span>
      </Fact>
      <Fact name="Clock">
        {clockOffsetMs === null ? (
          "not known"
        ) : Math.abs(clockOffsetMs) < 1000 ? (
          "agrees"
        ) : (
          <span class="bad">{`${duration(Math.abs(clockOffsetMs))} ${clockOffsetMs > 0 ? "ahead" : "behind"}`}</span>
        )}
      </Fact>
    </dl>
  );
}

function Sessions({ agent }: { agent: AgentSummary }) {
  if (agent.sessions.length === 0) return <p class="muted">Nobody is logged in.</p>;
  return (
    <ul class="sessions">
      {agent.sessions.map((session) => (
        <li key={`${session.user} ${session.terminal}`}>
          <strong>{shown(session.user)}</strong>
          <span class="muted">
            {shown(session.terminal)}
            {session.host === null ? "" : ` from ${shown(session.host)}`}
            {session.startedAtMs === null ? null : (
              <>
                {" · "}
                <Time atMs={session.startedAtMs} offsetMs={agent.clockOffsetMs ?? 0} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

const STREAM_COLUMNS = ["Stream", "Produced", "Acked", "Pending", "Lost", "Stored here", "Account"] as const;

function isNumber(column: (typeof STREAM_COLUMNS)[number]): boolean {
  return column !== "Stream" && column !== "Account";
}

function Streams({ agent, streams }: { agent: AgentSummary; streams: readonly StreamReconciliation[] }) {
  if (agent.streams.length === 0) return <p class="muted">Nothing yet: it tells with its first heartbeat.</p>;
  return (
    <>
      <div class="wide-table" tabIndex={0} role="region" aria-label="Streams">
        <table role="table" class="streams">
          <thead role="rowgroup">
            <tr role="row">
              {STREAM_COLUMNS.map((name) => (
                <th key={name} role="columnheader" scope="col" class={isNumber(name) ? "right" : ""}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {agent.streams.map((account) => (
              <StreamRow key={account.stream} account={account} epochs={streams} />
            ))}
          </tbody>
        </table>
      </div>
      {agent.lastSeenAtMs === null ? null : (
        <p class="muted">
          As the agent told with its last heartbeat, <Time atMs={agent.lastSeenAtMs} />; what is stored here
          is newer.
        </p>
      )}
      {lossWords(agent.streams).isLoss ? <Losses agent={agent} /> : null}
    </>
  );
}

function StreamRow(props: { account: StreamAccount; epochs: readonly StreamReconciliation[] }) {
  const { account } = props;
  const epochs = props.epochs.filter((epoch) => epoch.stream === account.stream);
  const stored = epochs.reduce((sum, epoch) => sum + epoch.stored, 0);
  const declared = epochs.reduce((sum, epoch) => sum + epoch.lost, 0);
  const off = account.produced - account.acked - account.pending - account.lost;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {shown(account.stream)}
      </th>
      <StreamNumber of="Produced">{count(account.produced)}</StreamNumber>
      <StreamNumber of="Acked">{count(account.acked)}</StreamNumber>
      <StreamNumber of="Pending">{count(account.pending)}</StreamNumber>
      <StreamNumber of="Lost" isBad={account.lost > 0 || account.unknownTails > 0}>
        {count(account.lost)}
        {account.unknownTails > 0 ? (
          <span title={`${count(account.unknownTails)} times nobody can know how many more`}>+?</span>
        ) : null}
      </StreamNumber>
      <StreamNumber of="Stored here" isBad={stored < account.acked}>
        <span title={`${count(stored)} stored, ${count(declared)} declared lost, by the parent's books`}>
          {count(stored)}
        </span>
      </StreamNumber>
      <td role="cell">
        {accountHolds(account) ? (
          <span class="good" title="produced = acked + pending + lost">
            ✓ adds up
          </span>
        ) : (
          <span class="bad">off by {count(off)}</span>
        )}
      </td>
    </tr>
  );
}

function StreamNumber(props: {
  of: (typeof STREAM_COLUMNS)[number];
  isBad?: boolean;
  children: ComponentChildren;
}) {
  const { of, isBad = false, children } = props;
  return (
    <td role="cell" data-label={of} class={isBad ? "right number bad" : "right number"}>
      {children}
    </td>
  );
}

/** The ranges that were declared lost, asked for when somebody wants to know. */
function Losses({ agent }: { agent: AgentSummary }) {
  const losses = useSignal<readonly LossRecord[] | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const load = async (): Promise<void> => {
    try {
      losses.value = (await api.losses(agent.id, LOSSES_SHOWN)).items;
      error.value = undefined;
    } catch (refused) {
      error.value = asApiError(refused);
    }
  };
  return (
    <details
      class="losses"
      onToggle={(event) => {
        if (event.currentTarget.open) void load();
      }}
    >
      <summary>What was lost, and why</summary>
      {error.value === undefined ? null : <ErrorBox error={error.value} retry={() => void load()} />}
      <ul>
        {losses.value?.map((loss) => (
          <li key={`${loss.stream} ${loss.epoch} ${loss.firstSeq}`}>
            <strong>{shown(loss.stream)}</strong>{" "}
            <span class="number" title={`Epoch ${loss.epoch}`}>
              {count(loss.firstSeq)} – {loss.lastSeq === null ? "nobody can know" : count(loss.lastSeq)}
            </span>
            : {shown(loss.reason)}, <Time atMs={loss.declaredAtMs} />
          </li>
        ))}
      </ul>
    </details>
  );
}
