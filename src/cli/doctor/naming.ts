/** The name server, and how well the cache of names serves. */
import { ptrCodec } from "../../decode/dns.ts";
import { formatDuration } from "../../lib/format.ts";
import { readResolvConf, type NameServer, type ResolverSettings } from "../../platform/resolv-conf.ts";
import { openResolver } from "../../platform/resolver.ts";
import { sizeOf } from "../../platform/system-facts.ts";
import { readNameCounters } from "../../store/names.ts";
import { namesPath } from "../names.ts";
import { counted, type Check } from "./check.ts";

/** A doctor's patience: less than the monitor's. */
const DEADLINE_MS = 2000;
const WEEK_MS = 7 * 86_400_000;

/**
 * Asks each configured server for the name of 127.0.0.1, which every resolver knows or refuses by itself (RFC 6303), so
 * that the question goes no further and tells nobody anything.
 */
export async function nameServerCheck(
  dns: boolean,
  settings: ResolverSettings = readResolvConf(),
  deadlineMs = DEADLINE_MS,
): Promise<Check> {
  const base = { id: "name_server", title: "Name server" } as const;
  if (!dns) return { ...base, status: "skip", detail: "not asked: names are switched off (--no-dns)" };
  const answers = await Promise.all(settings.servers.map((server) => ask(server, deadlineMs)));
  const alive = answers.filter((answer) => answer.tookMs !== undefined);
  const dead = answers.filter((answer) => answer.tookMs === undefined).map(({ address }) => address);
  const fastest = Math.min(...alive.map(({ tookMs }) => tookMs ?? 0));
  const data = {
    servers: answers.map(({ address }) => address).join(" "),
    unreachable: dead.join(" "),
    fastestMs: alive.length === 0 ? null : fastest,
  };
  const remedy = "See which servers /etc/resolv.conf names, or leave names out: `wb monitor --no-dns`";
  if (alive.length === 0) {
    const detail = `${dead.join(", ")} does not answer: addresses have no names, nothing else suffers`;
    return { ...base, status: "warn", detail, remedy, data };
  }
  const answered = `${alive.map(({ address }) => address).join(", ")} answers in ${fastest.toFixed(1)} ms`;
  if (dead.length === 0) return { ...base, status: "ok", detail: answered, data };
  return { ...base, status: "warn", detail: `${answered}, but ${dead.join(", ")} does not`, remedy, data };
}

/** Any answer counts, also that there is no name, also a refusal: somebody is there. */
async function ask(
  server: NameServer,
  deadlineMs: number,
): Promise<{ address: string; tookMs: number | undefined }> {
  const settings = { servers: [server], timeoutMs: deadlineMs / 2, attempts: 2, rotate: false };
  const resolver = openResolver({ codec: ptrCodec, settings, deadlineMs });
  // Nothing of the resolver keeps the program alive, and Bun 1.4.4 spins while only such things are waited for.
  const awake = setTimeout(() => resolver.close(), deadlineMs * 2);
  const startMs = performance.now();
  const answer = await resolver.lookup("127.0.0.1");
  clearTimeout(awake);
  resolver.close();
  const isAlive = answer.kind !== "failed" || answer.reason === "server";
  return { address: server.address, tookMs: isAlive ? performance.now() - startMs : undefined };
}

/** The hit rate of the last seven days, of all monitors of this user, from the file of names. */
export function nameCacheCheck(
  nowMs: number,
  env: Readonly<Record<string, string | undefined>>,
  path = namesPath(env),
): Check {
  const base = { id: "name_cache", title: "Name cache" } as const;
  const counters = readNameCounters(path, nowMs - WEEK_MS);
  if (counters === undefined) {
    const detail =
      sizeOf(path) !== undefined
        ? "no question in the last 7 days"
        : "empty: names are kept when `wb monitor` has run for a while";
    return { ...base, status: "skip", detail, data: { path, entries: 0, hitRate: null } };
  }
  const { hits, misses, lookups, failures, dropped, entries, observedDns, observedSni } = counters;
  const hitRate = hits + misses === 0 ? undefined : hits / (hits + misses);
  const data = {
    path,
    entries,
    hits,
    misses,
    lookups,
    failures,
    dropped,
    observedDns,
    observedSni,
    hitRate: hitRate ?? null,
  };
  const rate = hitRate === undefined ? "no question" : `hit rate ${percent(hitRate)}`;
  const failed =
    failures === 0 ? "" : `, ${counted(failures, "look-up")} of ${lookups.toLocaleString("en")} failed`;
  const observed =
    observedDns + observedSni === 0
      ? ""
      : `, ${counted(observedDns + observedSni, "name")} seen being asked for`;
  const detail = `${rate} in ${formatDuration(WEEK_MS).replace(/ .*/, "")}, ${counted(entries, "address", "addresses")}${observed}${failed}`;
  return { ...base, status: "ok", detail, data };
}

/** `99.98 %`: never rounded up to a hundred. */
function percent(fraction: number): string {
  return `${(Math.floor(fraction * 10_000) / 100).toFixed(2)} %`;
}
