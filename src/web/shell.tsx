/** What is around every page: the bar with the ways to the pages, who is logged in, live or not, and short messages. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Me } from "./api.ts";
import { AgentPage } from "./pages/agent.tsx";
import { AgentsPage } from "./pages/agents.tsx";
import { AuditPage } from "./pages/audit.tsx";
import { ClassificationsPage } from "./pages/classifications.tsx";
import { JoinPage } from "./pages/join.tsx";
import { LoginPage } from "./pages/login.tsx";
import { route } from "./router.ts";
import { linkTo } from "./routes.ts";
import { liveState, type LiveState } from "./state/live.ts";
import { asApiError } from "./state/pages.ts";
import { loadSession, logout, mayChange, me, sessionFailure } from "./state/session.ts";
import { dismiss, tell, toasts } from "./state/toasts.ts";
import { roleName, shown } from "./words.ts";
import { Empty, ErrorBox, Skeleton } from "./parts/basics.tsx";
import { Mark } from "./parts/mark.tsx";

const LIVE_WORDS: Readonly<Record<LiveState, string>> = {
  off: "",
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
};

interface Place {
  readonly path: string;
  readonly title: string;
  readonly page: (parts: readonly string[]) => ComponentChildren;
  /** Only for those who may decide. */
  readonly isForOperators?: boolean;
}

const PLACES: readonly Place[] = [
  {
    path: "agents",
    title: "Agents",
    page: ([id, tab]) => (id === undefined ? <AgentsPage /> : <AgentPage key={id} id={id} tab={tab} />),
  },
  { path: "classifications", title: "Classifications", page: () => <ClassificationsPage /> },
  { path: "join", title: "Join", page: () => <JoinPage />, isForOperators: true },
  { path: "audit", title: "Audit", page: () => <AuditPage /> },
];

export function Shell() {
  if (me.value === undefined) return <Waiting />;
  return (
    <>
      {me.value === null ? <LoginPage /> : <Inside me={me.value} />}
      <Toasts />
    </>
  );
}

function Waiting() {
  const failure = sessionFailure.value;
  return (
    <main class="waiting">
      {failure === undefined ? (
        <Skeleton lines={3} />
      ) : (
        <ErrorBox error={failure} retry={() => void loadSession()} />
      )}
    </main>
  );
}

function Inside({ me }: { me: Me }) {
  const [path = "agents", ...rest] = route.value.parts;
  const place = PLACES.find((each) => each.path === path);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const where = `${path}/${rest[0] ?? ""}`;
  useEffect(() => {
    document.title = `${place?.title ?? "Not found"} · ${me.server.name} · WireBound`;
    if (isFirst.current) isFirst.current = false;
    else {
      // Who reads by ear or keyboard goes on at the new page, not at the link that led there.
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }, [where, place?.title, me.server.name]);
  return (
    <>
      <SkipLink to={main} />
      <TopBar me={me} path={path} />
      <main ref={main} tabIndex={-1}>
        {place === undefined ? (
          <Empty title="There is no such page">
            <p>
              <a href={linkTo("agents")}>Go to the agents</a>
            </p>
          </Empty>
        ) : (
          place.page(rest)
        )}
      </main>
    </>
  );
}

function SkipLink({ to }: { to: { readonly current: HTMLElement | null } }) {
  return (
    <a
      class="skip"
      href="#main"
      onClick={(event) => {
        event.preventDefault(); // the address after # is the page's
        to.current?.focus();
      }}
    >
      Skip to content
    </a>
  );
}

function TopBar({ me, path }: { me: Me; path: string }) {
  const leave = async (): Promise<void> => {
    try {
      await logout();
    } catch (error) {
      tell(asApiError(error).message);
    }
  };
  return (
    <header class="top">
      <a class="brand" href={linkTo("agents")}>
        <Mark />
        <span>
          WireBound
          <small title={`Version ${me.server.version}, parent ${me.server.parentId}`}>
            {shown(me.server.name)}
          </small>
        </span>
      </a>
      <nav class="places" aria-label="Pages">
        {PLACES.filter((place) => !place.isForOperators || mayChange.value).map((place) => (
          <a
            key={place.path}
            href={linkTo(place.path)}
            {...(place.path === path ? { "aria-current": "page" as const } : {})}
          >
            {place.title}
          </a>
        ))}
      </nav>
      <div class="who">
        <LiveLamp />
        <span class="person" title={roleName(me.caller.role)}>
          {shown(me.caller.name)}
          <small>{roleName(me.caller.role)}</small>
        </span>
        <button type="button" class="button button-small" onClick={() => void leave()}>
          Log out
        </button>
      </div>
    </header>
  );
}

function LiveLamp() {
  const words = LIVE_WORDS[liveState.value];
  return (
    <span
      class={`live live-${liveState.value}`}
      role="status"
      title="Whether changes are shown as they happen"
    >
      {words}
    </span>
  );
}

function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class="toast">
          <span>{toast.text}</span>
          <button type="button" class="button-plain" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
