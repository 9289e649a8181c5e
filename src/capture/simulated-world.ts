/**
 * The cast and the stage of the simulated world: users, processes, hosts and interfaces. Data only. Every
 * address is from the ranges kept for documentation (RFC 5737, RFC 3849) and every name ends in a reserved one (RFC 2606).
 */
import { CLIENT_ROLES, DATAGRAM_ROLES, SERVER_ROLES } from "./simulated-roles.ts";
import {
  LOCAL_IPV4,
  LOCAL_IPV6,
  TUNNEL_IPV4,
  type ScriptedHost,
  type ScriptedInterface,
  type ScriptedProcess,
  type WorldScript,
} from "./simulated-script.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MIB = 1024 * 1024;

const USERS: WorldScript["users"] = {
  0: "root",
  33: "www-data",
  101: "resolver",
  115: "postgres",
  1000: "ada",
};

const HOSTS: readonly ScriptedHost[] = [
  { name: "www.example.org", addresses: ["198.51.100.20", "2001:db8:20::1"] },
  { name: "cdn.example.net", addresses: ["198.51.100.30", "198.51.100.31", "2001:db8:30::1"] },
  { name: "video.example.net", addresses: ["198.51.100.40"] },
  { name: "mail.example.com", addresses: ["198.51.100.25"] },
  { name: "api.model.example.com", addresses: ["198.51.100.90", "2001:db8:90::1"] },
  { name: "packages.example.org", addresses: ["198.51.100.80"] },
  { name: "build.example.com", addresses: ["203.0.113.140"] },
  { name: "git.example.com", addresses: ["203.0.113.22", "2001:db8:22::1"] },
  { name: "resolver.example.net", addresses: ["198.51.100.53"] },
  { name: "time.example.net", addresses: ["198.51.100.123"] },
  { name: "backup.example.com", addresses: ["203.0.113.60"] },
  { name: "localhost", addresses: ["127.0.0.1"] },
];

const INTERFACES: readonly ScriptedInterface[] = [
  {
    name: "lo",
    index: 1,
    kind: "loopback",
    addresses: ["127.0.0.1", "::1"],
    counted: false,
    reason: "traffic of the machine with itself",
    up: true,
  },
  {
    name: "eth0",
    index: 2,
    kind: "physical",
    addresses: [LOCAL_IPV4, LOCAL_IPV6],
    counted: true,
    reason: undefined,
    up: true,
  },
  { name: "wlan0", index: 3, kind: "physical", addresses: [], counted: true, reason: undefined, up: false },
  {
    name: "wg0",
    index: 4,
    kind: "tunnel",
    addresses: [TUNNEL_IPV4],
    counted: false,
    reason: "a tunnel: its packets are carried by eth0",
    up: true,
  },
  {
    name: "docker0",
    index: 5,
    kind: "bridge",
    addresses: ["192.0.2.129"],
    counted: false,
    reason: "a bridge: its packets are carried by its members",
    up: true,
  },
];

function scripted(
  name: string,
  pid: number,
  path: string,
  userId: number,
  commandLine: readonly string[],
  ageMs: number,
  memoryMiB: number,
): ScriptedProcess {
  return { name, pid, parentPid: 1, path, commandLine, userId, ageMs, memoryBytes: memoryMiB * MIB };
}

const PROCESSES: readonly ScriptedProcess[] = [
  scripted(
    "firefox",
    4210,
    "/usr/lib/firefox/firefox",
    1000,
    ["firefox", "https://www.example.org/"],
    HOUR,
    812,
  ),
  scripted("thunderbird", 4377, "/usr/lib/thunderbird/thunderbird", 1000, ["thunderbird"], 3 * HOUR, 402),
  scripted("ssh", 5120, "/usr/bin/ssh", 1000, ["ssh", "build.example.com"], 40 * MINUTE, 9),
  scripted(
    "assistant",
    6033,
    "/home/ada/.local/bin/assistant",
    1000,
    ["assistant", "--workspace", "/home/ada/project", "fix the failing test"],
    12 * MINUTE,
    240,
  ),
  scripted("node", 6101, "/usr/bin/node", 1000, ["node", "server.js", "--port", "3000"], 25 * MINUTE, 131),
  scripted("apt", 7002, "/usr/bin/apt", 1000, ["apt", "download", "linux-source"], MINUTE, 66),
  scripted(
    "rsync",
    7110,
    "/usr/bin/rsync",
    1000,
    ["rsync", "-a", "/home/ada/", "backup.example.com:"],
    HOUR,
    18,
  ),
  scripted("curl", 8000, "/usr/bin/curl", 1000, ["curl", "-sS", "https://cdn.example.net/archive"], 0, 14),
  { ...scripted("nginx", 880, "/usr/sbin/nginx", 33, ["nginx"], 90 * HOUR, 22), hidden: true },
  {
    ...scripted("postgres", 931, "/usr/lib/postgresql/bin/postgres", 115, ["postgres"], 90 * HOUR, 180),
    hidden: true,
  },
  { ...scripted("sshd", 702, "/usr/sbin/sshd", 0, ["sshd", "-D"], 90 * HOUR, 8), hidden: true },
  { ...scripted("resolver", 640, "/usr/sbin/resolver", 101, ["resolver"], 90 * HOUR, 12), hidden: true },
  { ...scripted("chronyd", 655, "/usr/sbin/chronyd", 0, ["chronyd"], 90 * HOUR, 4), hidden: true },
];

/** A workstation of one developer, which is also a small server. */
export const WORKSTATION: WorldScript = {
  users: USERS,
  hosts: HOSTS,
  interfaces: INTERFACES,
  processes: PROCESSES,
  roles: [...CLIENT_ROLES, ...SERVER_ROLES, ...DATAGRAM_ROLES],
};

const CROWD_NAMED_COUNT = 119;

/** The address of the client with this number: every second one over IPv6, which has no name. */
export function crowdAddress(number: number): string {
  if (number % 2 === 1) return `2001:db8:ff::${((number % 0xfffe) + 1).toString(16)}`;
  return `203.0.113.${((number >> 1) % CROWD_NAMED_COUNT) + 1}`;
}

/** Every address that has a name in the simulated world. */
export function scriptedNames(world: WorldScript): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (let number = 1; number <= CROWD_NAMED_COUNT; number += 1) {
    names.set(`203.0.113.${number}`, `client-${number}.example.net`);
  }
  for (const host of world.hosts) {
    for (const address of host.addresses) names.set(address, host.name);
  }
  return names;
}
