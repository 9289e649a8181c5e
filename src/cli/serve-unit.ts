/** The systemd unit of the parent: the one text that `wb serve install` writes and that docs/wirebound-serve.service shows. */
import { SANDBOX, USER_SANDBOX, writeUnit, type UnitOptions } from "../platform/systemd-unit.ts";

export const SERVE_UNIT_NAME = "wirebound-serve.service";

/** Where the service of the machine keeps its keys and its database (StateDirectory in its unit). */
export const SERVE_SERVICE_STATE = "/var/lib/wirebound-serve";

const HEAD = `# The parent of a fleet as a service: agents report to it, people look at it.
#
#   sudo wb serve install                               # writes this file, and starts it
#   sudo cat ${SERVE_SERVICE_STATE}/admin-password      # of the user admin, for the page: from the first start
#   sudo wb serve token create                          # what an agent joins by
#   sudo wb serve status                                # where it is, and who is there
#   journalctl -u wirebound-serve                       # what it says
#
# Settings: the table [serve] of /etc/wirebound/config.toml (docs/config.md). With \`wb serve install --user\` it runs as you.
`;

const SYSTEM_SERVICE = `# A user of its own, whom all that it keeps belongs to, and who is nobody while it does not run.
DynamicUser=yes
User=wirebound-serve
StateDirectory=wirebound-serve
StateDirectoryMode=0700
Environment=WB_SERVE_STATE_DIR=${SERVE_SERVICE_STATE}
# Each agent has a connection or two.
LimitNOFILE=262144`;

const COMMON_SERVICE = `# SIGTERM ends it in order: what runs is answered, what was taken is stored.
KillSignal=SIGTERM
TimeoutStopSec=15
Restart=on-failure
RestartSec=2
# A wrong setting, keys that others may read: trying again changes nothing.
RestartPreventExitStatus=2 4
LimitCORE=0
UMask=0077`;

const CAPABILITIES = `# It needs no privilege: it listens on a high port, and writes to its own directory.
CapabilityBoundingSet=
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
PrivateTmp=yes
ProtectProc=invisible`;

export interface ServeUnitOptions extends UnitOptions {
  /** A file that only root may read: systemd hands a copy to the service (systemd.exec(5), LoadCredential). */
  readonly upstreamKeyFile?: string | undefined;
}

const KEY_WORDS = "--upstream-key-file ${CREDENTIALS_DIRECTORY}/upstream-key";

export function serveUnitText({ upstreamKeyFile, ...options }: ServeUnitOptions): string {
  const { forUser } = options;
  const key =
    upstreamKeyFile === undefined
      ? []
      : [`LoadCredential=upstream-key:${upstreamKeyFile.replaceAll("%", "%%")}`];
  return writeUnit(options, {
    head: HEAD,
    description: "WireBound: the parent of a fleet",
    after: "network-online.target",
    command: "serve",
    rawWords: upstreamKeyFile === undefined ? undefined : KEY_WORDS,
    service: [...(forUser ? [] : [SYSTEM_SERVICE]), ...key, COMMON_SERVICE],
    hardening: forUser ? USER_SANDBOX : `${CAPABILITIES}\n${SANDBOX}`,
  });
}
