/**
 * Opens the best capture that works on this system. On Linux: sock_diag, and where the kernel refuses it, /proc/net.
 * The method can be forced, by the option or by WB_CAPTURE_METHOD, so that each can be tried anywhere.
 */
import { LibraryError } from "../../ffi/library.ts";
import { systemClock, type Clock } from "../lib/clock.ts";
import type { CaptureMethod } from "../model/capture-status.ts";
import type { Capture } from "../model/contracts.ts";
import { WbError } from "../model/errors.ts";

export interface OpenCaptureOptions {
  /** Only this method; undefined: the best that works. */
  readonly method?: CaptureMethod | undefined;
  /** Where the proc file system is; `/proc` unless a test says otherwise. */
  readonly procRoot?: string | undefined;
  readonly clock?: Clock | undefined;
}

const SYSTEM_NAMES: ReadonlyMap<string, string> = new Map([
  ["win32", "Windows"],
  ["darwin", "macOS"],
]);

/**
 * Throws WbError: `unsupported` on a system that this build has no code for, `config` where WB_CAPTURE_METHOD names no
 * method, `unavailable` or `permission` where none works or the forced one doesn't.
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
  const settings = { clock: options.clock ?? systemClock, procRoot: options.procRoot ?? "/proc" };
  if (method === undefined) {
    const best = await openSockDiag(settings, "fall back");
    if (best === undefined) return openProcfs(settings, "as fallback");
    const { FallbackCapture } = await import("./fallback.ts");
    return new FallbackCapture(best, () => openProcfs(settings, "as fallback"));
  }
  if (method === "procfs") return openProcfs(settings, "by the user");
  const capture = method === "sock_diag" ? await openSockDiag(settings, "fail") : undefined;
  if (capture !== undefined) return capture;
  throw new WbError("unsupported", `${method} is not a way of capturing from this system`, {
    hint: "Use sock_diag or procfs, or none of them for the best that works.",
  });
}

type Settings = { readonly clock: Clock; readonly procRoot: string };

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
  if (value === "sock_diag" || value === "procfs") return value;
  throw new WbError("config", `WB_CAPTURE_METHOD is ${JSON.stringify(value)}`, {
    hint: "Use sock_diag or procfs, or leave it unset for the best that works.",
  });
}
