/** How the machine is: cpu, memory, disk, uptime, load, and who is logged in. Reads /proc, utmp and logind's files; what can't be read is absent. */
import { readFile, readdir } from "node:fs/promises";
import { readFileSync, statfsSync } from "node:fs";
import { arch, freemem, loadavg, totalmem, uptime } from "node:os";
import { join } from "node:path";
import { parseLogindSession, parseUtmp, type LoginSession } from "../decode/utmp.ts";
import type { MachineHealth, UserSession } from "../model/fleet.ts";
import type { HealthReader } from "./contract.ts";

export interface HealthReaderOptions {
  /** Whose file system is told of. */
  readonly directory: string;
  readonly procRoot?: string;
  readonly runRoot?: string;
}

/** Of all processors together, in clock ticks since boot (proc_stat(5)). */
interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** As many as a heartbeat may carry. */
const SESSIONS_MAX = 200;

export function createHealthReader(options: HealthReaderOptions): HealthReader {
  const { directory, procRoot = "/proc", runRoot = "/run" } = options;
  let before: CpuTimes | undefined;
  return {
    health(): MachineHealth {
      const now = readCpuTimes(procRoot);
      const cpuPercent = percentBetween(before, now);
      before = now;
      const disk = diskOf(directory);
      const [one = 0, five = 0, fifteen = 0] = loadavg();
      return {
        cpuPercent,
        memoryTotalBytes: totalmem(),
        memoryAvailableBytes: availableBytes(procRoot) ?? freemem(),
        ...disk,
        uptimeSeconds: uptime(),
        load: [one, five, fifteen],
      };
    },
    sessions: async () => {
      const found = (await logindSessions(runRoot)) ?? (await utmpSessions(runRoot));
      return found.slice(0, SESSIONS_MAX).map(({ user, terminal, host, startedAtMs }): UserSession => ({
        user: user.slice(0, 256),
        terminal: terminal.slice(0, 64),
        host: host?.slice(0, 255) ?? null,
        startedAtMs: startedAtMs ?? null,
      }));
    },
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // not this system's way of telling
  }
}

function readCpuTimes(procRoot: string): CpuTimes | undefined {
  const line = /^cpu +(.*)$/m.exec(readText(join(procRoot, "stat")) ?? "")?.[1];
  // user nice system idle iowait irq softirq steal; guest times are in user and nice already.
  const times = line?.split(" ").slice(0, 8).map(Number);
  if (times === undefined || times.length < 5 || times.some((time) => !Number.isFinite(time)))
    return undefined;
  const total = times.reduce((sum, time) => sum + time, 0);
  const idle = (times[3] ?? 0) + (times[4] ?? 0);
  return { busy: total - idle, total };
}

function percentBetween(before: CpuTimes | undefined, now: CpuTimes | undefined): number | null {
  if (before === undefined || now === undefined || now.total <= before.total) return null;
  const percent = ((now.busy - before.busy) * 100) / (now.total - before.total);
  return Math.min(100, Math.max(0, Math.round(percent * 10) / 10));
}

function availableBytes(procRoot: string): number | undefined {
  const kilobytes = /^MemAvailable: +(\d+) kB$/m.exec(readText(join(procRoot, "meminfo")) ?? "")?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function diskOf(directory: string): Pick<MachineHealth, "diskTotalBytes" | "diskFreeBytes"> {
  try {
    const { blocks, bavail, bsize } = statfsSync(directory);
    return { diskTotalBytes: blocks * bsize, diskFreeBytes: bavail * bsize };
  } catch {
    return { diskTotalBytes: 0, diskFreeBytes: 0 }; // the directory is gone: there is no room in it
  }
}

/** Undefined where systemd-logind doesn't run. */
async function logindSessions(runRoot: string): Promise<LoginSession[] | undefined> {
  const directory = join(runRoot, "systemd", "sessions");
  try {
    const names = (await readdir(directory)).filter((name) => !name.endsWith(".ref")).slice(0, 1000);
    const found: LoginSession[] = [];
    for (const name of names) {
      const text = await readFile(join(directory, name), "utf8").catch(() => ""); // a session that has just ended
      const session = parseLogindSession(text);
      if (session !== undefined) found.push(session);
    }
    return found;
  } catch {
    return undefined;
  }
}

async function utmpSessions(runRoot: string): Promise<LoginSession[]> {
  try {
    const bytes = new Uint8Array(await readFile(join(runRoot, "utmp")));
    return parseUtmp(bytes, arch() === "arm64" ? "wide" : "compatible");
  } catch {
    return []; // this system keeps none
  }
}
