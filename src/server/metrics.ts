/**
 * Counters, gauges and histograms for /metrics, in Prometheus' text form 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Bounded: a name has so many sets of labels at the most;
 * what does not fit is counted in wb_metrics_dropped_total.
 */
import type { Metrics } from "./context.ts";

type Kind = "counter" | "gauge" | "histogram";
type Labels = Readonly<Record<string, string>>;

const SERIES_MAX = 2000;
const NAMES_MAX = 500;
const LABEL_LENGTH_MAX = 200;
/** Upper bounds in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const DROPPED = "wb_metrics_dropped_total";

/** What the names mean; a name that is not here is told by its words. */
const HELP: ReadonlyMap<string, string> = new Map(
  Object.entries({
    wb_http_requests_total: "Requests that were answered, by method, route and status.",
    wb_http_request_seconds: "Time from a request's head to its answer's head, by route.",
    wb_http_requests_running: "Requests that are being answered now, long-polls included.",
    wb_open_files: "Files that are open, connections among them.",
    wb_open_files_limit: "As many may be open (RLIMIT_NOFILE); shortly before, connections are not kept.",
    wb_logins_total: "Attempts to log in, by what came of them.",
    wb_agents: "Agents by state; online is counted beside it.",
    wb_live_subscribers: "Open streams of live events.",
    wb_pruned_rows_total: "Rows that were older than what is kept.",
    wb_resident_bytes: "Resident memory of the parent.",
    wb_start_time_seconds: "When the parent started, Unix seconds.",
    wb_build_info: "1, with the version as a label.",
    wb_agent_refusals_total: "Requests of agents that the guard refused, by code.",
    wb_agent_joins_total: "Attempts to join, by what came of them.",
    wb_agent_clones_total: "Agents that were quarantined because their key was alive in two places.",
    wb_agent_body_bytes: "Room that is held for large bodies of agents that are on their way.",
    wb_agents_heard: "Agents that were heard of within the last three heartbeat intervals.",
    wb_heartbeat_seconds: "Time that it took to answer a heartbeat, from when its proof was checked.",
    wb_heartbeat_writes_failed_total:
      "Attempts to store heartbeats that failed; they are kept and tried again.",
    wb_commands_sent_total: "Commands that were given out for agents, by kind.",
    wb_command_waiters: "Agents that wait for commands now (long-poll).",
    wb_snapshots_asked_total: "Times that an agent was asked for all its processes, because views differed.",
    wb_ingest_items_total: "Events and losses that were stored, by stream.",
    wb_ingest_commit_seconds: "Time of one transaction that stores batches of several agents.",
    wb_ingest_queue_bytes: "Bytes of batches that are being checked or wait to be stored.",
    wb_ingest_refusals_total: "Batches that were refused, by code.",
    wb_ingest_unverified_total: "Batches whose signature, root or chain did not verify.",
    wb_ingest_conflicts_total: "Batches with another event in a stored one's place, by stream.",
    wb_ingest_storage_failures_total: "Transactions that failed because of the disk or the database.",
    wb_classifications_total: "Words about programs that were stored, by source.",
    wb_classifications_untold_total: "Commands with a classification that could not be stored for an agent.",
    wb_classification_suggestions_total: "Suggestions of agents and operators that were stored.",
    wb_classification_forged_total: "Programs that were told under another program's fingerprint.",
    wb_classification_dropped_total: "Programs that were not classified because too many waited.",
    wb_upstream_requests_total: "Questions to the upstream classification API, by what came of them.",
    wb_upstream_dropped_total: "Programs that upstream was not asked about because too many waited.",
    wb_upstream_circuit_open: "1 while upstream is not asked because it failed several times in a row.",
    [DROPPED]: "Values that were not counted because a name had too many sets of labels.",
  }),
);

interface Histogram {
  readonly buckets: number[];
  sum: number;
  count: number;
}

interface Family {
  readonly kind: Kind;
  readonly values: Map<string, number>;
  readonly histograms: Map<string, Histogram>;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** `a="1",b="2"`, in the order of the names, so that the same labels are the same series. */
function seriesOf(labels: Labels): string {
  return Object.keys(labels)
    .sort()
    .map((name) => {
      const value = (labels[name] ?? "").slice(0, LABEL_LENGTH_MAX).toWellFormed();
      return `${name.replaceAll(/\W/g, "_").replace(/^(?=\d)/, "_")}="${escapeLabel(value)}"`;
    })
    .join(",");
}

function braced(series: string, more = ""): string {
  const inside = [series, more].filter((part) => part !== "").join(",");
  return inside === "" ? "" : `{${inside}}`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

export interface MetricsRegistry extends Metrics {
  /** The whole page. */
  text(): string;
}

export function createMetrics(): MetricsRegistry {
  const families = new Map<string, Family>();
  let dropped = 0;
  const familyOf = (given: string, kind: Kind): Family | undefined => {
    const name = given.replaceAll(/[^\w:]/g, "_").replace(/^(?=\d)/, "_");
    const known = families.get(name);
    if (known !== undefined) return known.kind === kind ? known : undefined;
    if (families.size >= NAMES_MAX) return undefined;
    const made: Family = { kind, values: new Map(), histograms: new Map() };
    families.set(name, made);
    return made;
  };
  const change = (name: string, kind: Kind, labels: Labels, next: (before: number) => number): void => {
    const family = familyOf(name, kind);
    const series = seriesOf(labels);
    if (family === undefined || (!family.values.has(series) && family.values.size >= SERIES_MAX)) {
      dropped += 1;
      return;
    }
    family.values.set(series, next(family.values.get(series) ?? 0));
  };
  return {
    add: (name, labels, by = 1) => {
      if (by >= 0) change(name, "counter", labels, (before) => before + by);
    },
    set: (name, labels, value) => change(name, "gauge", labels, () => value),
    observe: (name, labels, seconds) => {
      const family = familyOf(name, "histogram");
      const series = seriesOf(labels);
      const known = family?.histograms.get(series);
      if (family === undefined || (known === undefined && family.histograms.size >= SERIES_MAX)) {
        dropped += 1;
        return;
      }
      const histogram = known ?? { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
      if (known === undefined) family.histograms.set(series, histogram);
      BUCKETS.forEach((bound, index) => {
        if (seconds <= bound) histogram.buckets[index] = (histogram.buckets[index] ?? 0) + 1;
      });
      histogram.sum += seconds;
      histogram.count += 1;
    },
    text: () => {
      const all = new Map(families);
      all.set(DROPPED, { kind: "counter", values: new Map([["", dropped]]), histograms: new Map() });
      return [...all]
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, family]) => familyText(name, family))
        .join("");
    },
  };
}

function familyText(name: string, family: Family): string {
  const help = HELP.get(name) ?? `${name.replace(/^wb_/, "").replaceAll("_", " ")}.`;
  const lines = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${family.kind}`];
  for (const [series, value] of family.values) lines.push(`${name}${braced(series)} ${numberText(value)}`);
  for (const [series, { buckets, sum, count }] of family.histograms) {
    BUCKETS.forEach((bound, index) => {
      lines.push(`${name}_bucket${braced(series, `le="${bound}"`)} ${buckets[index] ?? 0}`);
    });
    lines.push(`${name}_bucket${braced(series, 'le="+Inf"')} ${count}`);
    lines.push(`${name}_sum${braced(series)} ${numberText(sum)}`, `${name}_count${braced(series)} ${count}`);
  }
  return `${lines.join("\n")}\n`;
}
