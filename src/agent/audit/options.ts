/** What an auditor is made with. */
import type { ServicePlaces } from "../../platform/helper-service.ts";
import type { Outbox } from "../../telemetry/contract.ts";
import type { AgentClock, AgentLog, ClassificationAsker } from "../contract.ts";
import type { NoiseFilter } from "./noise.ts";
import type { BootState } from "./process-ids.ts";

export interface AuditorOptions {
  readonly outbox: Outbox;
  readonly clock: AgentClock;
  readonly log: AgentLog;
  /** The registry's database file. */
  readonly registryPath: string;
  /** Keeps the wall time of this boot. */
  readonly state: BootState;
  readonly asker: ClassificationAsker;
  /** Where the elevated helper's service is, `{}` for the usual places; undefined: scans alone. */
  readonly helper: ServicePlaces | undefined;
  /** What is told to nobody; the kernel's own threads by default. */
  readonly noise?: NoiseFilter | undefined;
  /** Milliseconds between scans: at first, and the bounds; 5,000, 2,000 and 15,000 by default. */
  readonly scanMs?: { readonly first?: number; readonly min?: number; readonly max?: number } | undefined;
  readonly procRoot?: string | undefined;
  /** Of dpkg's database; /var/lib/dpkg by default. */
  readonly dpkgDirectory?: string | undefined;
  readonly helperRetryMs?: { readonly first: number; readonly last: number } | undefined;
}
