/** `wb serve classify`: what programs are taken for, and a person's word about one. */
import { CATEGORIES, isCategory, type ProcessCategory } from "../../model/categories.ts";
import { WbError } from "../../model/errors.ts";
import type { ClassificationChange, ClassificationEntry, ProcessRecord } from "../../model/fleet.ts";
import { say } from "../output.ts";
import type { Column } from "../print/layout.ts";
import { ParentApi } from "./client.ts";
import { parentAccess, type ParentFlags } from "./parent-options.ts";
import { LIMIT, moment, orDash, printJson, printList, printTable } from "./print.ts";

export interface ClassifyFlags extends ParentFlags {
  readonly category?: string;
  readonly source?: string;
  readonly search?: string;
  readonly reason?: string;
  readonly history?: boolean;
  readonly limit?: number;
}

const ENTRIES: readonly Column<ClassificationEntry>[] = [
  { heading: "FINGERPRINT", text: ({ fingerprintHash }) => fingerprintHash.slice(0, 16) },
  { heading: "NAME", widthMax: 32, shrinks: true, text: ({ processName }) => processName },
  { heading: "CATEGORY", text: ({ category }) => category },
  { heading: "BY", text: ({ source, overriddenBy }) => overriddenBy ?? source },
  { heading: "AGENTS", leavesAt: 2, right: true, text: ({ agents }) => String(agents) },
  { heading: "PATH", leavesAt: 3, widthMax: 60, shrinks: true, text: ({ path }) => orDash(path) },
  { heading: "SINCE", leavesAt: 1, text: ({ updatedAtMs }) => moment(updatedAtMs) },
];

const CHANGES: readonly Column<ClassificationChange>[] = [
  { heading: "AT", text: ({ changedAtMs }) => moment(changedAtMs) },
  { heading: "FROM", text: ({ oldCategory }) => orDash(oldCategory) },
  { heading: "TO", text: ({ newCategory }) => newCategory },
  { heading: "BY", text: ({ changedBy, source }) => changedBy ?? source },
  { heading: "REASON", widthMax: 80, shrinks: true, text: ({ reason }) => orDash(reason) },
];

/** Without a program: the list. With one: its history, or what it is from now on. */
export async function classify(
  program: string | undefined,
  category: string | undefined,
  flags: ClassifyFlags,
): Promise<void> {
  if (category !== undefined && !isCategory(category)) {
    throw new WbError("usage", `"${category}" is no category`, {
      hint: `there are ${CATEGORIES.join(", ")}`,
    });
  }
  const api = new ParentApi(parentAccess(flags, process.env));
  if (program === undefined) return await list(api, flags);
  const found = await find(api, program);
  if (category === undefined) return await history(api, found, flags);
  const { reason } = flags;
  const answer = await api.post<{ entry: ClassificationEntry }>("/api/v1/processes/override", {
    fingerprintHash: found.fingerprintHash,
    classification: category,
    ...(reason === undefined ? {} : { reason }),
  });
  if (flags.json === true) return await printJson("classification", answer.entry);
  say(`${found.processName} is ${category} from now on (it was ${found.category})`);
}

async function list(api: ParentApi, flags: ClassifyFlags): Promise<void> {
  const { category, source, search } = flags;
  const query = { category, source, search };
  const found = await api.list<ClassificationEntry>("/api/v1/classifications", query, flags.limit ?? LIMIT);
  const isAll = category === undefined && source === undefined && search === undefined;
  await printList(found, {
    name: "classifications",
    json: flags.json,
    columns: ENTRIES,
    nothing: isAll ? "no programs were seen yet" : "no such programs",
  });
}

async function history(api: ParentApi, program: Program, flags: ClassifyFlags): Promise<void> {
  const path = `/api/v1/classifications/${program.fingerprintHash}/history`;
  const { items } = await api.get<{ items: readonly ClassificationChange[] }>(path);
  const { entry } = program;
  if (flags.json === true)
    return await printJson("classification", { ...(entry ?? program), history: items });
  if (entry === undefined) say(`${program.processName} was never classified`);
  else await printTable([entry], ENTRIES, "");
  await printTable(items, CHANGES, "it was never changed");
}

interface Program {
  readonly fingerprintHash: string;
  readonly processName: string;
  readonly path: string | null;
  readonly category: ProcessCategory;
  /** Undefined where nobody has said anything of it yet. */
  readonly entry?: ClassificationEntry;
}

const MATCHES_MAX = 1000;
/** Longer ones the parent refuses; what is found by the beginning is compared whole. */
const SEARCH_MAX = 200;

/** Also those that no list knows, which are the ones that a person wants to say something of. */
async function programsCalled(api: ParentApi, text: string): Promise<Program[]> {
  const search = text.slice(0, SEARCH_MAX);
  const entries = await api.list<ClassificationEntry>("/api/v1/classifications", { search }, MATCHES_MAX);
  const programs = new Map<string, Program>();
  for (const entry of entries.items) programs.set(entry.fingerprintHash, { ...entry, entry });
  const processes = await api.list<ProcessRecord>("/api/v1/processes", { search }, MATCHES_MAX);
  for (const seen of processes.items) {
    const { fingerprintHash, name, path, category } = seen;
    if (programs.has(fingerprintHash)) continue;
    programs.set(fingerprintHash, { fingerprintHash, processName: name, path, category });
  }
  return [...programs.values()];
}

/** By the fingerprint's hash, the beginning of a listed one, or a name that only one program has. */
async function find(api: ParentApi, text: string): Promise<Program> {
  const found = await programsCalled(api, text);
  const byHash = found.filter(({ fingerprintHash }) => fingerprintHash.startsWith(text.toLowerCase()));
  const matches =
    byHash.length > 0
      ? byHash
      : found.filter(({ processName }) => processName.toLowerCase() === text.toLowerCase());
  const [only, second] = matches;
  if (only === undefined && /^[0-9a-f]{64}$/i.test(text)) {
    const fingerprintHash = text.toLowerCase();
    return { fingerprintHash, processName: fingerprintHash, path: null, category: "unknown" };
  }
  if (only === undefined) {
    throw new WbError("usage", `no agent has run a program "${text}"`, {
      hint: "`wb serve processes` lists what runs, `wb serve classify` what was said of programs, with their fingerprints",
    });
  }
  if (second !== undefined) {
    throw new WbError("usage", `${matches.length} programs are called "${text}"`, {
      hint: `name one by its fingerprint: ${matches
        .slice(0, 5)
        .map(({ fingerprintHash, path }) => `${fingerprintHash} (${path ?? "no path"})`)
        .join(", ")}`,
    });
  }
  return only;
}
