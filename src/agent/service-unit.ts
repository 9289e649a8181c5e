/** The systemd unit of the agent: the one text that `wb agent install` writes and that docs/wirebound-agent.service shows. */

export interface UnitOptions {
  /** Absolute path of this program. */
  readonly executable: string;
  /** In the user's own systemd, without any privilege. */
  readonly forUser: boolean;
  /** Words after `wb agent`, such as --state-dir. */
  readonly words: readonly string[];
}

export const UNIT_NAME = "wirebound-agent.service";

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

const HEAD = `# The agent as a service: tells the parent that this machine has joined what runs here and what it exchanges.
#
#   sudo wb agent join TOKEN                   # a token of \`wb serve token create\`
#   sudo wb agent install                      # writes this file, and starts it
#   sudo wb agent status                       # whether it is connected, and that nothing is lost
#   journalctl -u wirebound-agent              # what it says
#
# It runs as root so that it can name the processes of all users; everything that looking does not need is taken away from it.
# With \`wb agent install --user\` it runs as you, and sees what you may see. Settings: /etc/wirebound/config.toml (docs/config.md).
`;

const SYSTEM_SERVICE = `# Key, state and what is still to be sent are in /var/lib/wirebound/agent (STATE_DIRECTORY).
StateDirectory=wirebound
StateDirectoryMode=0700
CacheDirectory=wirebound
CacheDirectoryMode=0700
ConfigurationDirectory=wirebound
Environment=XDG_CONFIG_HOME=/etc`;

const COMMON_SERVICE = `# SIGTERM ends it in order: what was seen is stored, and sent if the parent is there.
KillSignal=SIGTERM
TimeoutStopSec=15
Restart=on-failure
RestartSec=10
# A wrong setting, no parent, a missing right: trying again changes nothing.
RestartPreventExitStatus=2 4
Nice=5
MemoryHigh=192M
MemoryMax=384M
LimitCORE=0
UMask=0077`;

const SYSTEM_HARDENING = `# What it needs: to look into other users' /proc/<pid> (DAC_READ_SEARCH and SYS_PTRACE), and a large receive buffer for the
# kernel's notices of closed connections (NET_ADMIN). Not more.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_NET_ADMIN
NoNewPrivileges=yes
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
const USER_HARDENING = `NoNewPrivileges=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native`;

export function unitText({ executable, forUser, words }: UnitOptions): string {
  const command = [executable, "agent", ...words].map(unitWord).join(" ");
  const order = forUser
    ? ""
    : "After=network-online.target wirebound-helper.service\nWants=network-online.target\n";
  const parts = [
    "[Service]\nType=exec",
    `ExecStart=${command}`,
    ...(forUser ? [] : [SYSTEM_SERVICE]),
    COMMON_SERVICE,
    "",
    forUser ? USER_HARDENING : SYSTEM_HARDENING,
  ];
  return `${HEAD}
[Unit]
Description=WireBound: tells its parent what runs on this machine
Documentation=man:wb(1)
StartLimitIntervalSec=0
${order}
${parts.join("\n")}

[Install]
WantedBy=${forUser ? "default.target" : "multi-user.target"}
`;
}
