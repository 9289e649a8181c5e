/** Units of systemd as text: what WireBound's services have in common, and how words are written in them. Pure. */

export interface UnitOptions {
  /** Absolute path of this program. */
  readonly executable: string;
  /** In the user's own systemd, without any privilege. */
  readonly forUser: boolean;
  /** Words after the command, such as --state-dir. */
  readonly words: readonly string[];
}

export interface UnitParts {
  /** Comments that begin the file. */
  readonly head: string;
  readonly description: string;
  /** Other units that it comes after, in the machine's systemd. */
  readonly after: string;
  /** The first words: `agent`. */
  readonly command: string;
  /** Words after all others, as systemd is to read them. */
  readonly rawWords?: string | undefined;
  /** Lines of [Service]. */
  readonly service: readonly string[];
  readonly hardening: string;
}

/** systemd.syntax(7) and systemd.service(5), "Command lines": quotes, backslashes, `%` and `$` mean something there. */
export function unitWord(word: string): string {
  const escaped = word
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("%", "%%")
    .replaceAll("$", "$$$$")
    .replaceAll("\n", "\\n");
  return /^[\w./:@%+=-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** What every service of the machine does without; what it needs beside is its own to say. */
export const SANDBOX = `NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateDevices=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectClock=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
LockPersonality=yes
SystemCallArchitectures=native`;

/** In a user's systemd what needs privileges (other mounts, capabilities) is not to be had. */
export const USER_SANDBOX = `NoNewPrivileges=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native`;

export function writeUnit({ executable, forUser, words }: UnitOptions, parts: UnitParts): string {
  const { head, description, after, command, rawWords, service, hardening } = parts;
  const line = [...[executable, command, ...words].map(unitWord), rawWords ?? []].flat().join(" ");
  const order = forUser ? "" : `After=${after}\nWants=network-online.target\n`;
  return `${head}
[Unit]
Description=${description}
Documentation=man:wb(1)
StartLimitIntervalSec=0
${order}
[Service]
Type=exec
ExecStart=${line}
${service.join("\n")}

${hardening}

[Install]
WantedBy=${forUser ? "default.target" : "multi-user.target"}
`;
}
