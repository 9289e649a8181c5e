/** All looks of the doctor, in the order in which they are told. */
import type { Clock } from "../../lib/clock.ts";
import type { Capture } from "../../model/contracts.ts";
import { systemFacts } from "../../platform/system-facts.ts";
import { captureChecks, namespaceCheck, probeCapture } from "./capture.ts";
import type { Check } from "./check.ts";
import { diskCheck, historyCheck } from "./history.ts";
import { nameCacheCheck, nameServerCheck } from "./naming.ts";
import {
  clockCheck,
  configurationCheck,
  programCheck,
  systemCheck,
  terminalCheck,
  type TerminalFacts,
} from "./surroundings.ts";

export interface Examination {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: TerminalFacts;
  readonly openCapture: () => Capture | Promise<Capture>;
  /** `--config`. */
  readonly configPath: string | undefined;
  /** False: `--no-dns`. */
  readonly dns: boolean;
}

/** Looks at everything. Changes nothing; sends one question to each name server, unless that is forbidden. Never throws. */
export async function examine(options: Examination): Promise<Check[]> {
  const { clock, env, terminal } = options;
  const wallStartMs = clock.nowMs();
  const monotonicStartMs = clock.monotonicMs();
  const facts = systemFacts();
  const configuration = await configurationCheck(options.configPath, env, options.dns);
  // The capture's time is measured, so nothing else runs beside it; a dead name server is waited for after it.
  const probe = await probeCapture(options.openCapture);
  const nameServer = await nameServerCheck(configuration.dns);
  return [
    systemCheck(facts),
    programCheck(),
    ...captureChecks(probe, facts),
    namespaceCheck(probe),
    terminalCheck(terminal),
    nameServer,
    nameCacheCheck(clock.nowMs(), env),
    historyCheck(env, configuration.historyPath),
    diskCheck(env, configuration.historyPath),
    configuration.check,
    clockCheck(clock.nowMs(), clock.nowMs() - wallStartMs, clock.monotonicMs() - monotonicStartMs),
  ];
}
