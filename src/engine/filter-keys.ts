/** The keys of the filter language: what each of them compares, and what may stand after it. */
import { PROTOCOLS, SOCKET_STATES } from "../model/flow.ts";
import type { Flow } from "../model/snapshot.ts";
import { addressTest } from "./address-pattern.ts";
import { numberTest, parseQuantity, type NumberTest } from "./number-pattern.ts";
import { isPattern, partTest, wholeTest, type TextTest } from "./text-pattern.ts";

export type FlowTest = (flow: Flow) => boolean;

/** One alternative of a term, already free of its quotes. */
export interface KeyValue {
  readonly text: string;
  readonly isQuoted: boolean;
}

export interface FilterKey {
  readonly name: string;
  /** What may stand after it, for a person. */
  readonly expects: string;
  /** Undefined if the value means nothing to this key. */
  compile(value: KeyValue): FlowTest | undefined;
}

function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function parseCount(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function textKey(
  name: string,
  expects: string,
  test: typeof partTest,
  read: (flow: Flow) => string | undefined,
): FilterKey {
  const compile = ({ text, isQuoted }: KeyValue): FlowTest => {
    const matches = isQuoted ? wholeTest(text, true) : test(text, false);
    return (flow) => {
      const value = read(flow);
      return value !== undefined && matches(value);
    };
  };
  return { name, expects, compile };
}

function wordKey(name: string, words: readonly string[], read: (flow: Flow) => string): FilterKey {
  const compile = ({ text, isQuoted }: KeyValue): FlowTest | undefined => {
    // The kernel's tools write states with hyphens, we with underscores.
    const wanted = text.toLowerCase().replaceAll("-", "_");
    const matches = wholeTest(wanted, isQuoted);
    if (!words.some((word) => matches(word))) return undefined;
    return (flow) => matches(read(flow));
  };
  return { name, expects: `one of ${words.join(", ")}`, compile };
}

/** Numbers that are names: nobody writes them with a unit. */
const COUNTED_KEYS: ReadonlySet<string> = new Set(["pid", "namespace"]);

function numberKey(name: string, expects: string, read: (flow: Flow) => number | undefined): FilterKey {
  const parse = COUNTED_KEYS.has(name) ? parseCount : parseQuantity;
  const compile = ({ text }: KeyValue): FlowTest | undefined => {
    const matches = numberTest(text, parse);
    if (matches === undefined) return undefined;
    return (flow) => {
      const value = read(flow);
      return value !== undefined && matches(value);
    };
  };
  return { name, expects, compile };
}

/** The sum of two counts, of which one may be missing. */
function sumOf(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined && right === undefined ? undefined : (left ?? 0) + (right ?? 0);
}

interface End {
  readonly address: (flow: Flow) => string;
  readonly port: (flow: Flow) => number;
}

const LOCAL: End = { address: (flow) => flow.localAddress, port: (flow) => flow.localPort };
const REMOTE: End = { address: (flow) => flow.remoteAddress, port: (flow) => flow.remotePort };

/** `443`, `>1024`, `10.0.0.0/8`, `192.0.2.1:443`, `[2001:db8::1]:443`, `:443`. */
function compileEnd({ text, isQuoted }: KeyValue, end: End): FlowTest | undefined {
  const isPort = numberTest(text, parsePort);
  if (isPort !== undefined) return (flow) => isPort(end.port(flow));
  const bracketed = /^\[([^\]]+)\](?::(.+))?$/.exec(text);
  const dotted = /^([\d.*?/]*):([^:]+)$/.exec(text);
  const address = bracketed?.[1] ?? dotted?.[1] ?? text;
  const portText = bracketed === null ? dotted?.[2] : bracketed[2];
  const port: NumberTest | undefined = portText === undefined ? undefined : numberTest(portText, parsePort);
  if (portText !== undefined && port === undefined) return undefined;
  const isAddress: TextTest | undefined =
    address === "" && port !== undefined ? () => true : addressTest(address, isQuoted);
  if (isAddress === undefined) return undefined;
  return (flow) => isAddress(end.address(flow)) && (port === undefined || port(end.port(flow)));
}

function compileAddress({ text, isQuoted }: KeyValue): FlowTest | undefined {
  const matches = addressTest(text, isQuoted);
  return matches && ((flow) => matches(flow.remoteAddress) || matches(flow.localAddress));
}

function compilePort({ text }: KeyValue): FlowTest | undefined {
  const matches = numberTest(text, parsePort);
  return matches && ((flow) => matches(flow.remotePort) || matches(flow.localPort));
}

function compileUser({ text, isQuoted }: KeyValue): FlowTest {
  const matches = wholeTest(text, isQuoted);
  const userId = parseCount(text);
  return (flow) =>
    (flow.userName !== undefined && matches(flow.userName)) ||
    (userId !== undefined && flow.userId === userId);
}

/** What is no address or port is a part of the remote host's name. */
function compileRemote(value: KeyValue): FlowTest | undefined {
  const isEnd = compileEnd(value, REMOTE);
  if (isEnd !== undefined) return isEnd;
  if (!/^[a-z0-9._*?-]+$/i.test(value.text)) return undefined;
  const matches = partTest(value.text, value.isQuoted);
  return (flow) => flow.remoteHost !== undefined && matches(flow.remoteHost.name);
}

const TEXT = "text, or a pattern with * and ?";
const AMOUNT = "a number or a comparison such as >1M, <=100k or 1k..5k";
const PORT = "a port, or a comparison such as >1024 or 8000..8999";
const ADDRESS = "an address, its beginning, a pattern, or a network such as 10.0.0.0/8";

export const FILTER_KEYS: readonly FilterKey[] = [
  textKey("process", TEXT, partTest, (flow) => flow.process?.name),
  textKey("path", TEXT, partTest, (flow) => flow.process?.path),
  textKey("command", TEXT, partTest, (flow) => flow.process?.commandLine.join(" ")),
  numberKey("pid", "a process number", (flow) => flow.process?.pid),
  textKey("opener", TEXT, partTest, (flow) => flow.opener?.name),
  { name: "user", expects: "a user's name or number", compile: compileUser },
  textKey("host", TEXT, partTest, (flow) => flow.remoteHost?.name),
  { name: "address", expects: ADDRESS, compile: compileAddress },
  { name: "port", expects: PORT, compile: compilePort },
  { name: "local", expects: `${ADDRESS}, a port, or both`, compile: (value) => compileEnd(value, LOCAL) },
  { name: "remote", expects: `${ADDRESS}, a port, both, or a host`, compile: compileRemote },
  textKey("service", "a service's name such as https", wholeTest, (flow) => flow.service),
  wordKey("proto", PROTOCOLS, (flow) => flow.protocol),
  wordKey("state", SOCKET_STATES, (flow) => flow.state),
  numberKey("namespace", "the inode of a network namespace", (flow) => flow.networkNamespace),
  wordKey("attribution", ["exact", "inferred", "not_visible", "unknown"], (flow) => flow.attribution),
  wordKey("closed", ["yes", "no"], (flow) => (flow.closed ? "yes" : "no")),
  numberKey("sent", AMOUNT, (flow) => flow.bytesSent),
  numberKey("received", AMOUNT, (flow) => flow.bytesReceived),
  numberKey("bytes", AMOUNT, (flow) => sumOf(flow.bytesSent, flow.bytesReceived)),
  numberKey("sendrate", AMOUNT, (flow) => flow.sendBytesPerSecond),
  numberKey("receiverate", AMOUNT, (flow) => flow.receiveBytesPerSecond),
  numberKey("rate", AMOUNT, (flow) => flow.sendBytesPerSecond + flow.receiveBytesPerSecond),
];

/** Other spellings that people try. */
export const FILTER_KEY_ALIASES: Readonly<Record<string, string>> = {
  protocol: "proto",
  addr: "address",
  ip: "address",
  src: "local",
  dst: "remote",
  recv: "received",
  uid: "user",
  name: "process",
  cmd: "command",
};

/** Free text: a part of the process, either address, the host, the service or the user; a number also a port. */
export function compileFreeText(value: KeyValue): FlowTest {
  const matches = partTest(value.text, value.isQuoted);
  const port = value.isQuoted || isPattern(value.text) ? undefined : parsePort(value.text);
  const reads = (text: string | undefined): boolean => text !== undefined && matches(text);
  return (flow) =>
    reads(flow.process?.name) ||
    matches(flow.remoteAddress) ||
    matches(flow.localAddress) ||
    reads(flow.remoteHost?.name) ||
    reads(flow.service) ||
    reads(flow.userName) ||
    (port !== undefined && (flow.remotePort === port || flow.localPort === port));
}
