/** One agent: how it is, who is on it, what it told and lost, and live its processes and connections. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { AgentSummary } from "../../model/fleet.ts";
import { ApiError, api, type StreamReconciliation } from "../api.ts";
import { Empty, ErrorBox, PresenceDot, Skeleton, Time } from "../parts/basics.tsx";
import { ReasonDialog } from "../parts/reason-dialog.tsx";
import { linkTo } from "../routes.ts";
import { listen, type LiveListener, type Subscribe } from "../state/live.ts";
import { asApiError } from "../state/pages.ts";
import { mayChange } from "../state/session.ts";
import { tell } from "../state/toasts.ts";
import { useLiveReload } from "../state/use-list.ts";
import { captureName, presence, shown, stateName } from "../words.ts";
import { AgentCards } from "./agent-cards.tsx";
import { ConnectionsTab } from "./connections.tsx";
import { ProcessesTab } from "./processes.tsx";

const FRESH_MS = 15_000;
const WATCH_INTERVAL_MS = 2000;
const WATCH_FOR_MS = 60_000;
const WATCH_AGAIN_MS = 40_000;

interface Loaded {
  readonly agent: AgentSummary;
  readonly streams: readonly StreamReconciliation[];
}

export function AgentPage({ id, tab }: { id: string; tab: string | undefined }) {
  const loaded = useSignal<Loaded | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const listeners = useMemo(() => new Set<LiveListener>(), []);
  const subscribe: Subscribe = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const load = async (): Promise<void> => {
    try {
      // In this order: what the agent knows to be acknowledged was stored before it said so.
      const agent = await api.agent(id);
      loaded.value = { agent, streams: (await api.streams(id)).items };
      error.value = undefined;
    } catch (refused) {
      error.value = asApiError(refused);
    }
  };
  useEffect(() => void load(), [id]);
  useLiveReload({
    agent: id,
    types: ["agent", "loss", "process_started", "process_stopped", "connections"],
    reload: () => void load(),
    isOfInterest: (event) => event.type === "agent" || event.type === "loss",
    onEvent: (event) => {
      for (const listener of listeners) listener(event);
    },
    everyMs: FRESH_MS,
  });
  // What a program is taken for is no event of one agent.
  useEffect(
    () =>
      listen(undefined, ["classification"], (event) => {
        for (const listener of listeners) listener(event);
      }),
    [listeners],
  );
  const watchProblem = useWatch(id);
  if (loaded.value === undefined) {
    if (error.value === undefined) return <Skeleton lines={8} />;
    return error.value.status === 404 ? (
      <NoAgent />
    ) : (
      <ErrorBox error={error.value} retry={() => void load()} />
    );
  }
  const { agent, streams } = loaded.value;
  const isConnections = tab === "connections";
  const current = { "aria-current": "page" as const };
  return (
    <section class="page">
      <AgentHead agent={agent} onChanged={() => void load()} />
      {error.value === undefined ? null : <ErrorBox error={error.value} retry={() => void load()} />}
      <AgentCards agent={agent} streams={streams} />
      <nav class="tabs" aria-label="What is shown of this agent">
        <a href={linkTo("agents", id, "processes")} {...(isConnections ? {} : current)}>
          Processes
        </a>
        <a href={linkTo("agents", id, "connections")} {...(isConnections ? current : {})}>
          Connections
        </a>
      </nav>
      {isConnections ? (
        <ConnectionsTab agent={agent} subscribe={subscribe} watchProblem={watchProblem.value} />
      ) : (
        <ProcessesTab agent={agent} subscribe={subscribe} />
      )}
    </section>
  );
}

function NoAgent() {
  return (
    <Empty title="There is no such agent">
      <p>
        It may have been removed. <a href={linkTo("agents")}>All agents</a>
      </p>
    </Empty>
  );
}

/** Asks the agent to tell more often while somebody looks; what went wrong with that is in the signal. */
function useWatch(id: string) {
  const problem = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        await api.watch(id, WATCH_INTERVAL_MS, WATCH_FOR_MS);
        problem.value = undefined;
      } catch (error) {
        problem.value = asApiError(error).message;
      }
    };
    const visible = (): void => void ask();
    const timer = setInterval(visible, WATCH_AGAIN_MS);
    document.addEventListener("visibilitychange", visible);
    void ask();
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", visible);
    };
  }, [id]);
  return problem;
}

function AgentHead({ agent, onChanged }: { agent: AgentSummary; onChanged: () => void }) {
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("agents")}>← Agents</a>
      </p>
      <div class="page-head agent-head">
        <div>
          <h1>
            <PresenceDot agent={agent} />
            {shown(agent.hostname)}
          </h1>
          <p class="muted facts-line">
            <span>
              {presence(agent)}
              {agent.lastSeenAtMs === null ? null : (
                <>
                  , seen <Time atMs={agent.lastSeenAtMs} />
                </>
              )}
            </span>
            <span>{shown(agent.platform)}</span>
            <span>WireBound {shown(agent.version)}</span>
            <span title="How it counts">{captureName(agent.captureMethod)}</span>
            <span>
              joined <Time atMs={agent.joinedAtMs} />
            </span>
          </p>
        </div>
        {mayChange.value && agent.state !== "removed" ? (
          <AgentDeeds agent={agent} onChanged={onChanged} />
        ) : null}
      </div>
      {agent.state === "active" ? null : <StateNote agent={agent} />}
      {agent.notices.length === 0 ? null : (
        <ul class="notice-list" aria-label="Notices">
          {agent.notices.map((notice) => (
            <li key={notice}>{shown(notice)}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function StateNote({ agent }: { agent: AgentSummary }) {
  if (agent.state === "pending") {
    return (
      <p class="note">
        This agent waits for a person.{" "}
        {mayChange.value ? <a href={linkTo("join")}>Compare its code</a> : null}
      </p>
    );
  }
  const words =
    agent.state === "quarantined"
      ? "Its key was seen alive twice, so nothing that it tells is believed. Find the copy, have it join with a key of its own, then release this one."
      : "What it told before is kept. To come back, it joins again.";
  return (
    <p class="note">
      <strong>{stateName(agent.state)}.</strong> {words}
    </p>
  );
}

function AgentDeeds({ agent, onChanged }: { agent: AgentSummary; onChanged: () => void }) {
  const open = useSignal<"remove" | "release" | undefined>(undefined);
  const close = (): void => {
    open.value = undefined;
  };
  const done = (words: string): void => {
    tell(`${shown(agent.hostname)} was ${words}.`);
    onChanged();
  };
  return (
    <div class="buttons">
      {agent.state === "quarantined" ? (
        <button type="button" class="button" onClick={() => (open.value = "release")}>
          Release…
        </button>
      ) : null}
      <button type="button" class="button" onClick={() => (open.value = "remove")}>
        Remove…
      </button>
      {open.value === "remove" ? (
        <ReasonDialog
          title={`Remove ${shown(agent.hostname)}?`}
          deed="Remove"
          danger
          onClose={close}
          onReason={async (reason) => {
            await api.remove(agent.id, reason);
            done("removed");
          }}
        >
          <p>It is heard no more until it joins again. What it told is kept.</p>
        </ReasonDialog>
      ) : null}
      {open.value === "release" ? (
        <ReasonDialog
          title={`Release ${shown(agent.hostname)}?`}
          deed="Release"
          onClose={close}
          onReason={async (reason) => {
            await api.release(agent.id, reason);
            done("released");
          }}
        >
          <p>Its key was seen alive twice. Release it once the copy is gone or has a key of its own.</p>
        </ReasonDialog>
      ) : null}
    </div>
  );
}
