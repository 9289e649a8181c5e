/**
 * A real name server, a TLS server, and programs that ask and connect, in a network namespace of their own: two by name,
 * one of them by DNS over TCP, and a TLS client with a server name that no name server knows.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostName } from "../../src/model/snapshot.ts";
import type { Need } from "./needs.ts";
import { tmpdir } from "./tmpdir.ts";

export const NAMED_TRAFFIC_NEEDS: readonly Need[] = [
  "root",
  "program:dnsmasq",
  "program:openssl",
  "program:unshare",
  "program:ip",
  "program:ss",
];

/** The remote port of the three connections. */
export const NAMED_PORT = 4433;

/** Where they go and under what name, in the order of the names. */
export const NAMED_CONNECTIONS: readonly { readonly address: string; readonly host: HostName }[] = [
  { address: "203.0.113.20", host: { name: "hidden.shop.example", source: "sni" } },
  { address: "203.0.113.30", host: { name: "plain.example", source: "dns" } },
  {
    address: "203.0.113.20",
    host: { name: "www.shop.example", source: "dns", chain: ["shop.example", "edge.example"] },
  },
];

const DNSMASQ = `no-resolv
no-hosts
bind-interfaces
listen-address=127.0.0.1
host-record=edge.example,203.0.113.20,120
cname=shop.example,edge.example,60
cname=www.shop.example,shop.example,60
host-record=plain.example,203.0.113.30,600
`;

/** In a mount namespace too, so that the machine's resolv.conf stays as it is; all end with the first process. */
const SCRIPT = `set -e
ip link set lo up
ip address add 203.0.113.20/32 dev lo
ip address add 203.0.113.30/32 dev lo
mount --bind "$1/resolv.conf" /etc/resolv.conf
dnsmasq -C "$1/dnsmasq.conf" --keep-in-foreground --pid-file= --user=root &
openssl s_server -nocert -accept ${NAMED_PORT} -quiet </dev/null >/dev/null 2>&1 &
until ss -lntu | grep -q "127.0.0.1:53 " && ss -lnt | grep -q ":${NAMED_PORT} "; do sleep 0.02; done
read -r start
bash -c 'exec 3<>/dev/tcp/www.shop.example/${NAMED_PORT}; echo one >&3'
RES_OPTIONS=use-vc bash -c 'exec 3<>/dev/tcp/plain.example/${NAMED_PORT}; echo two >&3'
openssl s_client -connect 203.0.113.20:${NAMED_PORT} -servername hidden.shop.example </dev/null >/dev/null 2>&1 || true
cat >/dev/null
`;

export interface NamedTraffic extends AsyncDisposable {
  /** Lets the programs begin as soon as the servers listen. */
  begin(): void;
}

export async function namedTraffic(): Promise<NamedTraffic> {
  const directory = await tmpdir();
  writeFileSync(join(directory.path, "dnsmasq.conf"), DNSMASQ);
  writeFileSync(join(directory.path, "resolv.conf"), "nameserver 127.0.0.1\n");
  const programs = Bun.spawn(
    ["unshare", "-nmpf", "--kill-child", "bash", "-c", SCRIPT, "bash", directory.path],
    { stdin: "pipe", stdout: "ignore", stderr: "inherit" },
  );
  return {
    begin: () => {
      void programs.stdin.write("start\n");
      void programs.stdin.flush();
    },
    async [Symbol.asyncDispose]() {
      programs.kill("SIGKILL");
      await programs.exited;
      await directory[Symbol.asyncDispose]();
    },
  };
}
