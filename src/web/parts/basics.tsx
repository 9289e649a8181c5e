/** The small parts that every page is made of: times, sizes, bars, chips, dots, and what is shown instead of a list. */
import { useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { ProcessCategory } from "../../model/categories.ts";
import type { AgentSummary } from "../../model/fleet.ts";
import type { ApiError } from "../api.ts";
import { now } from "../state/now.ts";
import { bytes, categoryName, exactBytes, exactTime, localTime, presence, relativeTime } from "../words.ts";

/** A time that stays fresh; the exact one is in its title. `offsetMs`: that clock minus the parent's. */
export function Time({ atMs, offsetMs = 0 }: { atMs: number; offsetMs?: number }) {
  const text = useComputed(() => relativeTime(atMs, now.value + offsetMs));
  const isCalendarTime = Math.abs(atMs) <= 8.64e15;
  return (
    <time title={exactTime(atMs)} {...(isCalendarTime ? { dateTime: new Date(atMs).toISOString() } : {})}>
      {text}
    </time>
  );
}

/** A time to the millisecond, where a person looks closely. */
export function ExactTime({ atMs }: { atMs: number }) {
  return (
    <span class="number" title={exactTime(atMs)}>
      {localTime(atMs)}
    </span>
  );
}

/** A size that people can read, with the exact number and its certainty in the title. */
export function Bytes({ value, uncertaintyBytes }: { value: number; uncertaintyBytes: number | null }) {
  return (
    <span class="number" title={exactBytes(value, uncertaintyBytes)}>
      {bytes(value, uncertaintyBytes)}
    </span>
  );
}

export function CategoryChip({ category }: { category: ProcessCategory }) {
  return <span class={`chip category-${category}`}>{categoryName(category)}</span>;
}

/** Never by its colour alone: the word is beside it, or read aloud. */
export function PresenceDot({ agent }: { agent: AgentSummary }) {
  const words = presence(agent);
  const kind = agent.state === "active" ? (agent.online ? "online" : "offline") : agent.state;
  return (
    <span class={`dot dot-${kind}`} title={words}>
      <span class="unseen">{words}</span>
    </span>
  );
}

/** A share from 0 to 100 as a bar with its number; `—` where it is not known. */
export function Bar({ name, percent, detail }: { name: string; percent: number | null; detail?: string }) {
  const rounded = percent === null ? null : Math.round(percent);
  const level = rounded === null ? "" : rounded >= 95 ? " bar-full" : rounded >= 85 ? " bar-high" : "";
  return (
    <span class={`bar${level}`} title={detail === undefined ? name : `${name}: ${detail}`}>
      <span class="bar-name">{name}</span>
      <span class="bar-track" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${rounded ?? 0}%` }} />
      </span>
      <span class="bar-value number">{rounded === null ? "—" : `${rounded} %`}</span>
    </span>
  );
}

/** Nothing to show, why, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What stands between backticks is code, as in the hints of the command line. */
function Prose({ text }: { text: string }) {
  const parts = text.split("`");
  return <>{parts.map((part, at) => (at % 2 === 0 ? part : <code key={at}>{part}</code>))}</>;
}

/** What failed, and what to do about it. */
export function ErrorBox({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{error.message}</strong>
      </p>
      {error.hint === undefined ? null : (
        <p>
          <Prose text={error.hint} />
        </p>
      )}
      {retry === undefined ? null : (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Lines of the height that the answer will have, so that nothing jumps when it is there. */
export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" role="status">
      <span class="unseen">Loading…</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} aria-hidden="true" />
      ))}
    </div>
  );
}

/** A term and what it is. */
export function Fact({
  name,
  children,
  wide,
}: {
  name: string;
  children: ComponentChildren;
  wide?: boolean;
}) {
  return (
    <div class={wide ? "fact fact-wide" : "fact"}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
