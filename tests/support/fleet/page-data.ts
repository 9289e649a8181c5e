/** A small fleet as a parent would tell it: realistic agents, processes, connections, classifications and decisions. */
import { createHash } from "node:crypto";
import type { ProcessCategory } from "../../../src/model/categories.ts";
import type {
  AgentSummary,
  AuditEntry,
  ClassificationEntry,
  ConnectionRecord,
  JoinRequestSummary,
  JoinTokenSummary,
  ProcessRecord,
} from "../../../src/model/fleet.ts";

export const GIBIBYTE = 2 ** 30;

function hex(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

export function agentNamed(hostname: string, change: Partial<AgentSummary> = {}): AgentSummary {
  const nowMs = Date.now();
  return {
    id: hex(hostname, 32),
    hostname,
    state: "active",
    online: true,
    platform: "linux-x64 Debian GNU/Linux 12",
    version: "0.1.0",
    captureMethod: "ebpf_tracepoint",
    joinedAtMs: nowMs - 12 * 86_400_000,
    lastSeenAtMs: nowMs - 4000,
    clockOffsetMs: 12,
    runningProcesses: 214,
    health: {
      cpuPercent: 23.4,
      memoryTotalBytes: 16 * GIBIBYTE,
      memoryAvailableBytes: 9.3 * GIBIBYTE,
      diskTotalBytes: 512 * GIBIBYTE,
      diskFreeBytes: 201 * GIBIBYTE,
      uptimeSeconds: 367_200,
      load: [0.42, 0.55, 0.61],
    },
    sessions: [
      { user: "anna", terminal: "seat0", host: null, startedAtMs: nowMs - 5 * 3_600_000 },
      { user: "root", terminal: "pts/1", host: "10.0.4.17", startedAtMs: nowMs - 9 * 60_000 },
    ],
    streams: [
      { stream: "process", produced: 18_204, acked: 18_190, pending: 14, lost: 0, unknownTails: 0 },
      { stream: "flow", produced: 402_118, acked: 402_001, pending: 117, lost: 0, unknownTails: 0 },
      { stream: "health", produced: 5210, acked: 5210, pending: 0, lost: 0, unknownTails: 0 },
    ],
    notices: [],
    ...change,
  };
}

export function someAgents(): AgentSummary[] {
  const nowMs = Date.now();
  const busy = {
    cpuPercent: 97.2,
    memoryTotalBytes: 64 * GIBIBYTE,
    memoryAvailableBytes: 6 * GIBIBYTE,
    diskTotalBytes: 1024 * GIBIBYTE,
    diskFreeBytes: 31 * GIBIBYTE,
    uptimeSeconds: 8_812_000,
    load: [15.2, 14.8, 12.1],
  } as const;
  return [
    agentNamed("build-07", {
      health: busy,
      runningProcesses: 1187,
      platform: "linux-arm64 Ubuntu 24.04.2 LTS",
      sessions: [],
      notices: [
        "The disk of the agent's state is 97 % full: events are kept in 1 GiB at most",
        "Helper not running",
      ],
    }),
    agentNamed("db-primary.eu-central.example.internal", {
      captureMethod: "ebpf_fexit",
      runningProcesses: 341,
    }),
    agentNamed("kiosk-lobby", {
      online: false,
      lastSeenAtMs: nowMs - 9_720_000,
      captureMethod: "sock_diag",
      notices: ["Connections shorter than a scan may be missing: no helper"],
      streams: [
        { stream: "process", produced: 9021, acked: 8800, pending: 0, lost: 221, unknownTails: 1 },
        { stream: "flow", produced: 88_100, acked: 88_100, pending: 0, lost: 0, unknownTails: 0 },
      ],
    }),
    agentNamed("laptop-anna"),
    agentNamed("laptop-ben", { clockOffsetMs: -94_000, health: null, lastSeenAtMs: null, online: false }),
    agentNamed("media-server", { state: "quarantined", online: false, lastSeenAtMs: nowMs - 600_000 }),
    agentNamed("test-vm-3", {
      state: "pending",
      online: false,
      health: null,
      lastSeenAtMs: null,
      sessions: [],
      streams: [],
    }),
  ];
}

interface Program {
  readonly name: string;
  readonly path: string;
  readonly category: ProcessCategory;
  readonly publisher: string | null;
  readonly line: string;
}

const PROGRAMS: readonly Program[] = [
  ["firefox-esr", "/usr/lib/firefox-esr/firefox-esr", "browser", "Mozilla", "firefox-esr --new-window <url>"],
  [
    "code",
    "/usr/share/code/code",
    "development",
    "Microsoft",
    "code --type=renderer --user-data-dir=<home>/.config/Code",
  ],
  ["steam", "/usr/lib/games/steam/steam", "game", "Valve", "steam -silent"],
  ["slack", "/usr/lib/slack/slack", "communication", "Slack Technologies", "slack --startup"],
  ["spotify", "/usr/share/spotify/spotify", "media", "Spotify AB", "spotify --uri=<url>"],
  [
    "libreoffice",
    "/usr/lib/libreoffice/program/soffice.bin",
    "productivity",
    "Debian",
    "soffice.bin --writer <home>/letter.odt",
  ],
  ["systemd-journald", "/usr/lib/systemd/systemd-journald", "system", "Debian", "systemd-journald"],
  ["sshd", "/usr/sbin/sshd", "system", "Debian", "sshd: root@pts/1"],
  ["rsync", "/usr/bin/rsync", "utility", "Debian", "rsync -a <home>/photos backup:/srv"],
  ["frobnicated", "/opt/frob/bin/frobnicated", "unknown", null, "frobnicated --key=<secret>"],
].map(([name, path, category, publisher, line]) => ({
  name: name ?? "",
  path: path ?? "",
  category: category as ProcessCategory,
  publisher: publisher ?? null,
  line: line ?? "",
}));

export function processNamed(
  agentId: string,
  name: string,
  pid: number,
  change: Partial<ProcessRecord> = {},
): ProcessRecord {
  const startedAtMs = change.startedAtMs ?? Date.now();
  return {
    agentId,
    processId: `${pid}_${startedAtMs}`,
    pid,
    name,
    path: `/usr/bin/${name}`,
    commandLine: name,
    parentPid: 1,
    parentProcessId: null,
    userName: "anna",
    fingerprintHash: hex(`program ${name}`, 64),
    category: "unknown",
    categorySource: null,
    publisher: null,
    version: null,
    startedAtMs,
    stoppedAtMs: null,
    isEndExact: true,
    ...change,
  };
}

export function someProcesses(agentId: string): ProcessRecord[] {
  const nowMs = Date.now();
  return PROGRAMS.map(({ name, path, category, publisher, line }, index) =>
    processNamed(agentId, name, 1400 + index * 37, {
      path,
      commandLine: line,
      category,
      categorySource: category === "unknown" ? null : "builtin",
      publisher,
      version: publisher === null ? null : `12${index}.4`,
      startedAtMs: nowMs - (index + 1) * 754_000,
      userName: path.startsWith("/usr/lib/systemd") || path.startsWith("/usr/sbin") ? "root" : "anna",
    }),
  );
}

export function someConnections(agentId: string): ConnectionRecord[] {
  const nowMs = Math.floor(Date.now() / 5000) * 5000;
  const remotes = [
    ["firefox-esr", "tcp", "93.184.216.34", 443, "example.org", 48_213, 9_812_331, 0],
    ["slack", "tcp", "3.68.170.9", 443, "wss-primary.slack.com", 18_822, 221_003, 0],
    ["rsync", "tcp", "2001:db8:4:1::20", 22, "backup.example.net", 1_288_490_188, 4_002_811, 512],
    ["spotify", "udp", "35.186.224.47", 4070, "ap-gew1.spotify.com", 9100, 14_882_001, null],
    ["sshd", "tcp", "10.0.4.17", 50_022, null, 81_002, 12_440, 0],
  ] as const;
  return remotes.flatMap(
    ([processName, protocol, remoteAddress, remotePort, remoteHost, sent, received, uncertainty]) =>
      [1, 2, 3].map((interval) => ({
        agentId,
        processId: `1400_${processName}`,
        processName,
        protocol,
        remoteAddress,
        remotePort,
        remoteHost,
        bytesSent: sent,
        bytesReceived: received,
        uncertaintyBytes: uncertainty,
        meaning: "payload",
        connections: 1,
        intervalStartMs: nowMs - (interval + 1) * 5000,
        intervalEndMs: nowMs - interval * 5000,
      })),
  );
}

export function classificationOf(process: ProcessRecord): ClassificationEntry {
  return {
    fingerprintHash: process.fingerprintHash,
    processName: process.name,
    path: process.path,
    publisher: process.publisher,
    version: process.version,
    category: process.category,
    source: process.categorySource ?? "builtin",
    confidence: process.category === "unknown" ? 0 : 0.9,
    originalCategory: null,
    overriddenBy: null,
    reason: null,
    agents: 3,
    updatedAtMs: Date.now() - 86_400_000 * 2,
  };
}

export function someAudit(): AuditEntry[] {
  const nowMs = Date.now();
  const entry = (
    id: number,
    ageMs: number,
    actor: string,
    action: string,
    subject: string,
    details: unknown,
  ) => ({
    id,
    atMs: nowMs - ageMs,
    actor,
    action,
    subject,
    details,
    address: "10.0.4.17",
  });
  return [
    entry(4, 60_000, "olga", "user.login", "olga", null),
    entry(3, 3_600_000, "admin", "token.create", "7f3a90c1", { uses: 5, requiresApproval: false }),
    entry(2, 7_200_000, "system", "agent.quarantine", hex("media-server", 32), {
      reason: "its key was seen alive twice",
    }),
    entry(1, 90_000_000, "admin", "user.create", "olga", { role: "operator" }),
  ];
}

export function someRequests(): JoinRequestSummary[] {
  return [
    {
      agentId: hex("test-vm-3", 32),
      hostname: "test-vm-3",
      platform: "linux-x64 Fedora 42",
      address: "10.0.9.44",
      code: "418 206",
      requestedAtMs: Date.now() - 45_000,
    },
  ];
}

export function someTokens(): JoinTokenSummary[] {
  const nowMs = Date.now();
  const token = { createdBy: "admin", requiresApproval: false, revoked: false };
  return [
    {
      ...token,
      id: "7f3a90c1",
      createdAtMs: nowMs - 3_600_000,
      expiresAtMs: nowMs + 2_400_000,
      usesLeft: 3,
      usesTotal: 5,
    },
    {
      ...token,
      id: "19bb02de",
      createdAtMs: nowMs - 9e7,
      expiresAtMs: nowMs - 6e7,
      usesLeft: 1,
      usesTotal: 1,
    },
  ];
}
