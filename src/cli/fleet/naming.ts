/** Which agent a person means: by its id, the beginning of it, or the name of its machine where only one has it. */
import { WbError } from "../../model/errors.ts";
import type { AgentSummary } from "../../model/fleet.ts";
import type { ParentApi } from "./client.ts";

const ID = /^[0-9a-f]{32}$/;
const CANDIDATES_MAX = 1000;
/** Longer ones the parent refuses. */
const SEARCH_MAX = 200;
const NAMED_MAX = 5;

/** The parent tells small letters from capitals; people need not. */
async function candidates(api: ParentApi, ...names: readonly string[]): Promise<readonly AgentSummary[]> {
  for (const search of new Set(names.map((each) => each.slice(0, SEARCH_MAX)))) {
    if (search === "") continue;
    const { items } = await api.list<AgentSummary>("/api/v1/agents", { search }, CANDIDATES_MAX);
    if (items.length > 0) return items;
  }
  return [];
}

/** @throws WbError("usage") where none is meant, or several are. */
export async function agentId(api: ParentApi, name: string): Promise<string> {
  const wanted = name.toLowerCase();
  if (ID.test(wanted)) return wanted;
  const items = await candidates(api, name, wanted);
  const byHost = items.filter(({ hostname }) => hostname.toLowerCase() === wanted);
  const present = byHost.filter(({ state }) => state !== "removed");
  const found =
    present.length > 0
      ? present
      : byHost.length > 0
        ? byHost
        : items.filter(({ id }) => id.startsWith(wanted));
  const [only] = found;
  if (only === undefined) {
    throw new WbError("usage", `there is no agent "${name}"`, {
      hint: "`wb serve agents` lists them; name one by its id, the beginning of it, or its hostname",
    });
  }
  if (found.length === 1) return only.id;
  const named = found.slice(0, NAMED_MAX).map(({ id, hostname, state }) => `${id} (${hostname}, ${state})`);
  throw new WbError("usage", `${found.length} agents are called "${name}"`, {
    hint: `name one by its id: ${named.join(", ")}${found.length > NAMED_MAX ? "…" : ""}`,
  });
}
