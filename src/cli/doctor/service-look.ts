/** Asks the helper's service how it is, and starts a helper where the doctor is asked to. */
import { HelperConnection } from "../../capture/helper/connection.ts";
import type { Clock } from "../../lib/clock.ts";
import { EBPF_METHODS, type EbpfMethod } from "../../model/capture-status.ts";
import { WbError } from "../../model/errors.ts";
import { ElevationRefused } from "../../platform/elevation.ts";
import { findService, type HelperService, type ServicePlaces } from "../../platform/helper-service.ts";
import { launchHelper, type LaunchOptions } from "../../platform/launched-helper.ts";
import { unixTransport } from "../../platform/unix-transport.ts";
import type { StatusResponse } from "../../protocol/helper/messages.ts";
import { reasonOf } from "./check.ts";
import { withoutMethod } from "./kernel-look.ts";
import type { MethodProbe, ServiceLook } from "./elevated.ts";

const ANSWER_MS_MAX = 5000;

/** @throws WbError where it does not answer, or does not believe this client. */
async function statusOf(address: HelperService, clock: Clock): Promise<StatusResponse> {
  using connection = await HelperConnection.open({
    transport: unixTransport,
    address,
    clock,
    handshakeMsMax: ANSWER_MS_MAX,
    onEvents: () => {
      // None are asked for.
    },
    onClosed: () => {
      // What waits for an answer is told.
    },
  });
  return await connection.ask({ type: "status" }, ANSWER_MS_MAX);
}

/** Never throws. */
export async function lookAtService(places: ServicePlaces, clock: Clock): Promise<ServiceLook> {
  const found = findService(places);
  if (found.state !== "found") return found;
  const { socketPath } = found;
  try {
    return { state: "running", socketPath, status: await statusOf(found, clock) };
  } catch (cause) {
    const error = cause instanceof WbError ? cause : new WbError("internal", reasonOf(cause), { cause });
    return { state: "unusable", socketPath, error };
  }
}

/**
 * Tries the other methods than the one that a started helper has chosen, each by a helper of its own that is told to use it,
 * as long as that asks nobody again.
 * @returns undefined where it can't be tried that way.
 */
export async function tryMethods(
  chosen: EbpfMethod,
  options: LaunchOptions,
): Promise<MethodProbe[] | undefined> {
  const probes: MethodProbe[] = [];
  for (const method of EBPF_METHODS) {
    if (method === chosen) {
      probes.push({ method, problem: undefined });
      continue;
    }
    try {
      const words = ["--method", method];
      await using helper = await launchHelper({ ...options, words, mayAsk: false });
      probes.push({ method, problem: helper.isAlive ? undefined : "it ended at once" });
    } catch (error) {
      if (error instanceof ElevationRefused) return undefined;
      probes.push({ method, problem: withoutMethod(method, reasonOf(error)) });
    }
  }
  return probes;
}
