/** `wb agent discover`: parents on the local network, as a table or JSON. */
import { discoverParents, type FoundParent } from "../agent/discover.ts";
import { printJson, printTable } from "./fleet/print.ts";
import { say } from "./output.ts";
import { stopSignal } from "./stop-signal.ts";

export interface DiscoverFlags {
  readonly json?: true;
}

const LISTEN_MS = 3000;

export async function runDiscover(flags: DiscoverFlags): Promise<void> {
  using stop = stopSignal({ durationMs: undefined, once: false });
  if (flags.json !== true) say("asking the local network…");
  const found = await discoverParents(LISTEN_MS, stop.signal);
  if (flags.json === true) {
    await printJson("parents", found);
    return;
  }
  await printTable<FoundParent>(
    found,
    [
      { heading: "PARENT", widthMax: 40, shrinks: true, text: ({ name }) => name },
      {
        heading: "ADDRESS",
        widthMax: 60,
        shrinks: true,
        text: ({ addresses, host }) => addresses[0] ?? host,
      },
      { heading: "PIN (as it says)", text: ({ pin }) => pin ?? "-" },
    ],
    stop.interrupted
      ? "none has answered so far"
      : "no parent answers on the local network; name one: wb agent --parent HOST",
  );
  if (found.length === 0) return;
  say(
    "what is found proves nothing: join with a token (wb agent join TOKEN), or compare the code when it is approved (wb agent --parent ADDRESS)",
  );
}
