/**
 * What people decide is told live, wherever in the parent it was written: by asking the audit log once a second for what is
 * new, since the decisions are written down inside of the store's own transactions.
 */
import type { AuditEntry } from "../../model/fleet.ts";
import type { ServerContext } from "../context.ts";

const LOOK_MS = 1000;
const PAGE = 100;
/** Of one look: what is more is in the log all the same. */
const PAGES_MAX = 10;

export function followAudit(
  context: Pick<ServerContext, "store" | "bus" | "log" | "stopping">,
  lookMs = LOOK_MS,
): void {
  let lastId: number | undefined;
  let isLooking = false;
  let isFailing = false;
  const look = async (): Promise<void> => {
    if (isLooking || context.stopping.aborted) return;
    isLooking = true;
    try {
      const found = await entriesAfter(context, lastId);
      for (const entry of lastId === undefined ? [] : found) context.bus.publish({ type: "audit", entry });
      lastId = found.at(-1)?.id ?? lastId ?? 0;
      isFailing = false;
    } catch (error) {
      if (!isFailing && !context.stopping.aborted)
        context.log.warn("the audit log can't be read for the live stream", { error });
      isFailing = true;
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  context.stopping.addEventListener("abort", () => clearInterval(timer), { once: true });
  void look();
}

/** Oldest first; with no id to go on from only the newest one. */
async function entriesAfter(
  context: Pick<ServerContext, "store">,
  lastId: number | undefined,
): Promise<AuditEntry[]> {
  const { people } = context.store;
  if (lastId === undefined) return [...(await people.auditLog({ limit: 1 })).items];
  const found: AuditEntry[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await people.auditLog({ limit: pages === 0 ? 1 : PAGE, cursor });
    const fresh = page.items.filter((entry) => entry.id > lastId);
    found.push(...fresh);
    if (fresh.length < page.items.length || page.items.length === 0 || page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  return found.reverse();
}
