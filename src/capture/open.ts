/**
 * Opens the best capture that works on this system. On Linux: the elevated helper where one is to be started or runs as a
 * service, else sock_diag, and where the kernel refuses it, /proc/net. The method can be forced, by the option or by
 * WB_CAPTURE_METHOD, so that each can be tried anywhere.
 */
import { LibraryError } from "../../ffi/library.ts";
import { systemClock, type Clock } from "../lib/clock.ts";
import { EBPF_METHODS, type CaptureMethod, type EbpfMethod } from "../model/capture-status.ts";
import type { Capture } from "../model/contracts.ts";
import { WbError } from "../model/errors.ts";
import type { ElevationWay } from "../platform/elevation.ts";
import type { HelperAccess } from "./helper-access.ts";

/** Whether the elevated helper counts: one that is started for this capture, one that runs as a service, or none. */
export interface HelperUse {
  readonly use: "launched" | "service" | "none";
  /** Of the service; undefined: the usual places. */
  readonly socketPath?: string | undefined;
  readonly secretPath?: string | undefined;
  /** Told once where starting one takes longer than a second: a password may be waited for. */
  readonly onWait?: ((way: ElevationWay) => void) | undefined;
}

export interface OpenCaptureOptions {
  /** Only this method; undefined: the best that works. */
  readonly method?: CaptureMethod | undefined;
  /** Where the proc file system is; `/proc` unless a test says otherwise. */
  readonly procRoot?: string | undefined;
  readonly clock?: Clock | undefined;
  /** None by default. */
  readonly helper?: HelperUse | undefined;
  /** Handed the records of observed names (struct wb_name) as a helper sends them; see ElevatedCapture. */
  readonly onNameRecords?: ((records: Uint8Array) => void) | undefined;
  /**
   * For a program that must stay small and only sums up: less is kept of what has closed, and nothing beside a helper. What ends
   * just while a helper goes is then known a byte or two less exactly, and says so.
   */
  readonly isFrugal?: boolean | undefined;
}

const SYSTEM_NAMES: ReadonlyMap<string, string> = new Map([
  ["win32", "Windows"],
  ["darwin", "macOS"],
]);

/**
 * Throws WbError: `unsupported` on a system that this build has no code for, `config` where WB_CAPTURE_METHOD names no
 * method or one that contradicts the helper, `unavailable` or `permission` where none works, the forced one doesn't, or
 * the helper that was asked for can't be started. A service that can't be used is told as a degradation instead.
 */
export async function openCapture(options: OpenCaptureOptions = {}): Promise<Capture> {
  if (process.platform !== "linux") {
    const system = SYSTEM_NAMES.get(process.platform) ?? process.platform;
    throw new WbError("unsupported", `capturing is not there yet for ${system}`, {
      hint: "This version captures on Linux; wb monitor --demo shows a simulated machine anywhere.",
    });
  }
  try {
    return await openOnLinux(options);
  } catch (cause) {
    if (!(cause instanceof LibraryError)) throw cause;
    throw new WbError("unavailable", cause.message, {
      hint: "This build needs the GNU C library (musl systems such as Alpine are not supported yet) and room to map it (ulimit -v).",
      cause,
    });
  }
}

async function openOnLinux(options: OpenCaptureOptions): Promise<Capture> {
  const method = options.method ?? methodOfEnvironment();
  const settings = {
    clock: options.clock ?? systemClock,
    procRoot: options.procRoot ?? "/proc",
    isFrugal: options.isFrugal ?? false,
  };
  const helper = options.helper ?? { use: "none" };
  const ebpf = EBPF_METHODS.find((each) => each === method);
  if (ebpf !== undefined && helper.use === "none") throw needsHelper(ebpf);
  if (method === undefined || ebpf !== undefined) {
    if (helper.use === "launched") return await openLaunched(helper, ebpf, settings, options);
    if (helper.use === "service") return await openService(helper, ebpf, settings, options);
    return await openUnprivileged(settings);
  }
  if (helper.use === "launched") throw needsNoHelper(method);
  if (method === "procfs") return await openProcfs(settings, "by the user");
  const capture = method === "sock_diag" ? await openSockDiag(settings, "fail") : undefined;
  if (capture !== undefined) return capture;
  throw new WbError("unsupported", `${method} is not a way of capturing from this system`, {
    hint: "Use sock_diag or procfs, or none of them for the best that works.",
  });
}

/** The best that needs no privilege. */
async function openUnprivileged(settings: Settings): Promise<Capture> {
  const best = await openSockDiag(settings, "fall back");
  if (best === undefined) return await openProcfs(settings, "as fallback");
  const { FallbackCapture } = await import("./fallback.ts");
  return new FallbackCapture(best, () => openProcfs(settings, "as fallback"));
}

function needsHelper(method: EbpfMethod): WbError {
  return new WbError("permission", `WB_CAPTURE_METHOD is ${method}, which needs the elevated helper`, {
    hint: "Let wb start it: wb monitor --elevate",
  });
}

function needsNoHelper(method: CaptureMethod): WbError {
  return new WbError("config", `WB_CAPTURE_METHOD is ${method}, which needs no elevated helper`, {
    hint: `Leave out --elevate, or take one of ${EBPF_METHODS.join(", ")}.`,
  });
}

async function openLaunched(
  { onWait }: HelperUse,
  method: EbpfMethod | undefined,
  settings: Settings,
  options: OpenCaptureOptions,
): Promise<Capture> {
  const { launchedAccess } = await import("./helper-access.ts");
  const words = method === undefined ? [] : ["--method", method];
  return await openElevated(await launchedAccess({ words, onWait }), settings, options);
}

/** Without a service, or where this user may not use it, as if there were none; one that fails is told. */
async function openService(
  places: HelperUse,
  method: EbpfMethod | undefined,
  settings: Settings,
  options: OpenCaptureOptions,
): Promise<Capture> {
  const [{ findService }, { serviceAccess }] = await Promise.all([
    import("../platform/helper-service.ts"),
    import("./helper-access.ts"),
  ]);
  const found = findService(places);
  if (found.state !== "found") {
    if (method !== undefined) throw needsHelper(method);
    const capture = await openUnprivileged(settings);
    const isNotForUs = found.state === "absent" || found.error.code === "unavailable";
    return isNotForUs ? capture : await withoutHelper(capture, found.error);
  }
  try {
    const capture = await openElevated(serviceAccess(places), settings, options);
    const counted = capture.status().method;
    if (method === undefined || method === counted) return capture;
    await capture[Symbol.asyncDispose]();
    throw new WbError(
      "config",
      `WB_CAPTURE_METHOD is ${method}, and the helper's service counts by ${counted}`,
      {
        hint: "Start a helper of your own: wb monitor --elevate; or leave WB_CAPTURE_METHOD unset.",
      },
    );
  } catch (error) {
    if (!(error instanceof WbError) || method !== undefined) throw error;
    return await withoutHelper(await openUnprivileged(settings), error);
  }
}

async function withoutHelper(capture: Capture, reason: WbError): Promise<Capture> {
  const { WithoutHelper } = await import("./without-helper.ts");
  return new WithoutHelper(capture, reason);
}

/** Takes the access over, also where it fails. */
async function openElevated(
  access: HelperAccess,
  settings: Settings,
  options: OpenCaptureOptions,
): Promise<Capture> {
  await using owned = new AsyncDisposableStack();
  owned.use(access);
  const { ElevatedCapture } = await import("./helper/elevated-capture.ts");
  const fallback = await openUnprivileged(settings);
  owned.move();
  const capture = await ElevatedCapture.open({ access, fallback, ...settings });
  capture.onNameRecords = options.onNameRecords;
  return capture;
}

type Settings = { readonly clock: Clock; readonly procRoot: string; readonly isFrugal: boolean };

/** Undefined where the kernel refuses it and that is to be borne. */
async function openSockDiag(
  settings: Settings,
  onRefusal: "fall back" | "fail",
): Promise<Capture | undefined> {
  const { SockDiagCapture } = await import("./linux/sock-diag-capture.ts");
  try {
    const capture = new SockDiagCapture(settings);
    try {
      capture.probe();
      return capture;
    } catch (error) {
      await capture[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    const refused = error instanceof WbError && (error.code === "permission" || error.code === "unavailable");
    if (refused && onRefusal === "fall back") return undefined; // told as a degradation by the fallback's status
    throw error;
  }
}

async function openProcfs(settings: Settings, chosen: "as fallback" | "by the user"): Promise<Capture> {
  const { ProcfsCapture } = await import("./linux/procfs-capture.ts");
  return new ProcfsCapture({ ...settings, chosen });
}

function methodOfEnvironment(): CaptureMethod | undefined {
  const value = process.env["WB_CAPTURE_METHOD"];
  if (value === undefined || value === "") return undefined;
  const methods = [...EBPF_METHODS, "sock_diag", "procfs"] as const;
  const found = methods.find((method) => method === value);
  if (found !== undefined) return found;
  throw new WbError("config", `WB_CAPTURE_METHOD is ${JSON.stringify(value)}`, {
    hint: `Use ${methods.slice(0, -1).join(", ")} or procfs, or leave it unset for the best that works.`,
  });
}
