/**
 * What the page says, as text: times, sizes and their certainty, names of categories and sources. Pure. Whatever comes from
 * outside passes `shown()`, so that no control character or change of writing direction can disguise it.
 */
import type { ClassificationSource, ProcessCategory } from "../model/categories.ts";
import type {
  AgentState,
  AgentSummary,
  ClassificationEntry,
  MachineHealth,
  Role,
  StreamAccount,
} from "../model/fleet.ts";
import { formatBytes, formatDuration, printable } from "../lib/format.ts";

/** Text of an agent, safe to look at: control characters and invisible ones are shown as �. */
export function shown(text: string): string {
  return printable(text);
}

const CATEGORY_NAMES: Readonly<Record<ProcessCategory, string>> = {
  game: "Game",
  browser: "Browser",
  social_media: "Social media",
  productivity: "Productivity",
  development: "Development",
  communication: "Communication",
  media: "Media",
  utility: "Utility",
  system: "System",
  unknown: "Unknown",
};

export function categoryName(category: ProcessCategory): string {
  return CATEGORY_NAMES[category];
}

const SOURCE_NAMES: Readonly<Record<ClassificationSource, string>> = {
  builtin: "Built-in list",
  upstream: "Upstream service",
  community: "Suggested by agents",
  parent_override: "Set by a person",
};

export function sourceName(source: ClassificationSource | null): string {
  return source === null ? "Nobody yet" : SOURCE_NAMES[source];
}

/** By whose word a program is in its category, and how sure that is. In no category it is by nobody's, unless a person said so. */
export function whoSays(
  entry: Pick<ClassificationEntry, "category" | "source" | "confidence" | "overriddenBy">,
): { readonly who: string; readonly certainty: string | null } {
  if (entry.overriddenBy !== null) return { who: `Set by ${shown(entry.overriddenBy)}`, certainty: null };
  if (entry.category === "unknown") return { who: sourceName(null), certainty: null };
  const certainty = entry.confidence === null ? null : `${Math.round(entry.confidence * 100)} % sure`;
  return { who: sourceName(entry.source), certainty };
}

const STATE_NAMES: Readonly<Record<AgentState, string>> = {
  pending: "Waits for approval",
  active: "Active",
  quarantined: "Quarantined",
  removed: "Removed",
};

export function stateName(state: AgentState): string {
  return STATE_NAMES[state];
}

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  viewer: "Viewer",
  operator: "Operator",
  admin: "Administrator",
};

export function roleName(role: Role): string {
  return ROLE_NAMES[role];
}

/** `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** `1 agent`, `2 agents`. */
export function counted(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** For the title of a time: `2026-08-02 14:03:22.120` of the browser's time zone, and in UTC after it. */
export function exactTime(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? localTime(atMs) : `${localTime(atMs)} (${date.toISOString()})`;
}

/** `2026-08-02 14:03:22.120`, of the browser's time zone. */
export function localTime(atMs: number): string {
  const date = new Date(atMs);
  if (Number.isNaN(date.getTime())) return "a time that no calendar has";
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const fraction = String(date.getMilliseconds()).padStart(3, "0");
  return `${day} ${clock}.${fraction}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `just now`, `12 s ago`, `in 59 min`; beyond a day the local date: `2 Aug, 14:03`, with the year where it is another. */
export function relativeTime(atMs: number, nowMs: number): string {
  const differenceMs = nowMs - atMs;
  const seconds = Math.floor(Math.abs(differenceMs) / 1000);
  if (seconds < 2) return "just now";
  if (seconds < 86_400) {
    const amount =
      seconds < 60
        ? `${seconds} s`
        : seconds < 3600
          ? `${Math.floor(seconds / 60)} min`
          : `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
    return differenceMs >= 0 ? `${amount} ago` : `in ${amount}`;
  }
  const date = new Date(atMs);
  if (Number.isNaN(date.getTime())) return "at no known time";
  const year = date.getFullYear() === new Date(nowMs).getFullYear() ? "" : ` ${date.getFullYear()}`;
  return `${date.getDate()} ${MONTHS[date.getMonth()]}${year}, ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `4d 03h`. */
export function duration(milliseconds: number): string {
  return formatDuration(milliseconds);
}

/** `12.3 MiB`; with a lower bound `≥ 12.3 MiB`. */
export function bytes(value: number, uncertaintyBytes: number | null): string {
  return uncertaintyBytes === null ? `≥ ${formatBytes(value)}` : formatBytes(value);
}

/** For the title of a size: the number itself and what it promises. */
export function exactBytes(value: number, uncertaintyBytes: number | null): string {
  if (uncertaintyBytes === null) return `at least ${counted(value, "byte", "bytes")}`;
  const promise = uncertaintyBytes === 0 ? "exact" : `± ${count(uncertaintyBytes)}`;
  return `${counted(value, "byte", "bytes")}, ${promise}`;
}

/** The product's promise, in a word: `exact`, `± 120 B` or `at least`. */
export function certainty(uncertaintyBytes: number | null): string {
  if (uncertaintyBytes === null) return "at least";
  return uncertaintyBytes === 0 ? "exact" : `± ${formatBytes(uncertaintyBytes)}`;
}

/** Percent of memory and of disk that is in use; null where the total is not known. */
export function usedPercent(totalBytes: number, freeBytes: number): number | null {
  if (totalBytes <= 0) return null;
  return Math.min(100, Math.max(0, ((totalBytes - freeBytes) / totalBytes) * 100));
}

/** What a bar says beside its length. */
export function healthWords(health: MachineHealth): { memory: string; disk: string } {
  const of = (total: number, free: number): string =>
    `${formatBytes(Math.max(0, total - free))} of ${formatBytes(total)} in use`;
  return {
    memory: of(health.memoryTotalBytes, health.memoryAvailableBytes),
    disk: of(health.diskTotalBytes, health.diskFreeBytes),
  };
}

/** Whether produced = acked + pending + lost. */
export function accountHolds(stream: StreamAccount): boolean {
  return stream.produced === stream.acked + stream.pending + stream.lost;
}

/** What is lost of all streams: `none`, `12 events`, and ends of which nobody knows. */
export function lossWords(streams: readonly StreamAccount[]): { text: string; isLoss: boolean } {
  let lost = 0;
  let tails = 0;
  for (const stream of streams) {
    lost += stream.lost;
    tails += stream.unknownTails;
  }
  const parts: string[] = [];
  if (lost > 0) parts.push(counted(lost, "event", "events"));
  if (tails > 0) parts.push(counted(tails, "unknown end", "unknown ends"));
  return { text: parts.length === 0 ? "none" : parts.join(", "), isLoss: parts.length > 0 };
}

/** What an agent's dot means, in words. */
export function presence(agent: Pick<AgentSummary, "online" | "state" | "lastSeenAtMs">): string {
  if (agent.state !== "active") return stateName(agent.state);
  if (agent.online) return "Online";
  return agent.lastSeenAtMs === null ? "Never heard of" : "Offline";
}

const CAPTURE_NAMES: Readonly<Record<string, string>> = {
  ebpf_tracepoint: "eBPF tracepoints",
  ebpf_fexit: "eBPF fexit",
  ebpf_kprobe: "eBPF kprobes",
  ebpf_cgroup: "eBPF cgroup",
  sock_diag: "sock_diag",
};

/** How an agent counts, for a person. */
export function captureName(method: string): string {
  return CAPTURE_NAMES[method] ?? shown(method.replaceAll("_", " "));
}

/** `uses: 5 · reason: a copy`: what was written down with it, flat where it can be. */
export function detailWords(details: unknown): string {
  if (details === null || details === undefined) return "";
  if (typeof details !== "object" || Array.isArray(details)) return wordOf(details);
  return Object.entries(details)
    .filter(([, value]) => value !== null)
    .map(([name, value]) =>
      name.endsWith("AtMs") && typeof value === "number"
        ? `${name.slice(0, -2)}: ${localTime(value).slice(0, 16)}`
        : `${name}: ${wordOf(value)}`,
    )
    .join(" · ");
}

function wordOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
