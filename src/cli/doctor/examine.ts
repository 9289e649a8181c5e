/** All looks of the doctor, in the order in which they are told. */
import type { Clock } from "../../lib/clock.ts";
import type { Capture } from "../../model/contracts.ts";
import { EBPF_METHODS, type EbpfMethod } from "../../model/capture-status.ts";
import { WbError } from "../../model/errors.ts";
import { elevationFacts } from "../../platform/elevation.ts";
import type { ServicePlaces } from "../../platform/helper-service.ts";
import type { HelperOptions } from "../monitor-options.ts";
import { systemFacts } from "../../platform/system-facts.ts";
import { agentCheck } from "./agent.ts";
import { captureChecks, namespaceCheck, probeCapture, type CaptureProbe } from "./capture.ts";
import type { Check } from "./check.ts";
import { kernelCheck, launchCheck, serviceCheck, type MethodProbe, type ServiceLook } from "./elevated.ts";
import { diskCheck, historyCheck } from "./history.ts";
import { lookAtKernel } from "./kernel-look.ts";
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
  readonly openCapture: (helper: HelperOptions) => Capture | Promise<Capture>;
  /** The helper's service. Never throws. */
  readonly lookAtService: (places: ServicePlaces) => Promise<ServiceLook>;
  /** `--elevate`. */
  readonly elevate: boolean;
  /** Tries the other methods than the one that a started helper has chosen; undefined where it can't. Never throws. */
  readonly tryMethods: (chosen: EbpfMethod) => Promise<readonly MethodProbe[] | undefined>;
  /** `--config`. */
  readonly configPath: string | undefined;
  /** False: `--no-dns`. */
  readonly dns: boolean;
}

interface Opened {
  readonly probe: CaptureProbe | WbError;
  /** What became of starting a helper; undefined where nobody asked for one. */
  readonly tried: WbError | "started" | undefined;
}

/** The capture that a monitor would have. One whose helper can't be started is told, and the rest is looked at without. */
async function openAndProbe({ elevate, openCapture }: Examination, helper: HelperOptions): Promise<Opened> {
  let tried: Opened["tried"];
  const probe = await probeCapture(async () => {
    if (!elevate) return openCapture(helper);
    try {
      const capture = await openCapture({ ...helper, use: "launched" });
      tried = "started";
      return capture;
    } catch (error) {
      if (!(error instanceof WbError)) throw error;
      tried = error;
      return openCapture({ ...helper, use: "none" });
    }
  });
  return { probe, tried };
}

/** As root by loading here, else by what a helper that was started can show. */
async function kernelFinding(
  options: Examination,
  isRoot: boolean,
  { probe, tried }: Opened,
): Promise<Check> {
  const look = await lookAtKernel(isRoot);
  if (look.probes !== undefined || tried !== "started" || probe instanceof WbError) return kernelCheck(look);
  const chosen = EBPF_METHODS.find((method) => method === probe.status.method);
  return kernelCheck({ ...look, probes: chosen && (await options.tryMethods(chosen)) });
}

/** Looks at everything. Changes nothing; sends one question to each name server, unless that is forbidden. Never throws. */
export async function examine(options: Examination): Promise<Check[]> {
  const { clock, env, terminal } = options;
  const wallStartMs = clock.nowMs();
  const monotonicStartMs = clock.monotonicMs();
  const facts = systemFacts();
  const configuration = await configurationCheck(options.configPath, env, options.dns);
  // The capture's time is measured, so nothing else runs beside it; a dead name server is waited for after it.
  const opened = await openAndProbe(options, configuration.helper);
  const { probe, tried } = opened;
  const service = await options.lookAtService(configuration.helper);
  const kernel = await kernelFinding(options, facts.isRoot, opened);
  const nameServer = await nameServerCheck(configuration.dns);
  return [
    systemCheck(facts),
    programCheck(),
    ...captureChecks(probe, facts),
    namespaceCheck(probe),
    serviceCheck(service),
    launchCheck(elevationFacts(env), tried),
    kernel,
    await agentCheck(options.configPath, env, clock.nowMs()),
    terminalCheck(terminal),
    nameServer,
    nameCacheCheck(clock.nowMs(), env),
    historyCheck(env, configuration.historyPath),
    diskCheck(env, configuration.historyPath),
    configuration.check,
    clockCheck(clock.nowMs(), clock.nowMs() - wallStartMs, clock.monotonicMs() - monotonicStartMs),
  ];
}
