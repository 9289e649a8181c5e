/** The systemd unit of the agent: the one text that `wb agent install` writes and that docs/wirebound-agent.service shows. */
import { SANDBOX, unitWord, USER_SANDBOX, writeUnit, type UnitOptions } from "../platform/systemd-unit.ts";

export const UNIT_NAME = "wirebound-agent.service";

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

const CAPABILITIES = `# What it needs: to look into other users' /proc/<pid> (DAC_READ_SEARCH and SYS_PTRACE), and a large receive buffer for the
# kernel's notices of closed connections (NET_ADMIN). Not more.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_NET_ADMIN`;

export interface AgentUnitOptions extends Omit<UnitOptions, "words"> {
  /** Where it keeps its state, if not in the usual place. */
  readonly stateDirectory?: string | undefined;
}

export function unitText({ stateDirectory, ...options }: AgentUnitOptions): string {
  const { forUser } = options;
  const words = stateDirectory === undefined ? [] : ["--state-dir", stateDirectory];
  const writes = stateDirectory === undefined ? "" : `\nReadWritePaths=${unitWord(stateDirectory)}`;
  return writeUnit(
    { ...options, words },
    {
      head: HEAD,
      description: "WireBound: tells its parent what runs on this machine",
      after: "network-online.target wirebound-helper.service",
      command: "agent",
      service: [...(forUser ? [] : [SYSTEM_SERVICE]), COMMON_SERVICE],
      hardening: forUser ? USER_SANDBOX : `${CAPABILITIES}\n${SANDBOX}${writes}`,
    },
  );
}
