/** What `wb verify` does: reads proofs, checks each, and says what is proven or at which step it failed. */
import { createReadStream } from "node:fs";
import { printable } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";
import { checkEventProof, type EventProof, type ProofCheck } from "../protocol/fleet/event-proof.ts";
import { importPublicKey } from "../protocol/fleet/identity.ts";
import { BufferedOutput, standardOutput } from "./output.ts";
import { jsonText } from "./print/json-text.ts";

export interface VerifyFlags {
  readonly key?: string;
  readonly json?: boolean;
}

/** Version of the JSON that this command prints. */
const VERIFY_JSON_VERSION = 1;
/** The exit code of a verification that failed. */
const NOT_VERIFIED = 3;
/** All of it is read at once; a proof has two or three kilobytes beside its payload. */
const INPUT_BYTES_MAX = 256 * 1024 * 1024;

/** One proof of the input: its value, or why it can't be read as JSON. */
type Given = { readonly value: unknown } | { readonly torn: string };

/**
 * Sets exit code 3 where a proof does not verify.
 * @throws WbError("usage" | "unavailable" | "protocol")
 */
export async function runVerify(file: string, flags: VerifyFlags): Promise<void> {
  const { key } = flags;
  if (key !== undefined && importPublicKey(key) === undefined) {
    throw new WbError("usage", `"${key}" is no public key`, {
      hint: "it is 43 characters of base64url, as in the proof's publicKey",
    });
  }
  const proofs = parseProofs(await readInput(file));
  if (proofs.length === 0) {
    throw new WbError("protocol", `${nameOf(file)} is empty: it holds no proof`, {
      hint: "export the proof again; it may not have been written to its end",
    });
  }
  const output = new BufferedOutput(standardOutput);
  let failures = 0;
  for (const [index, given] of proofs.entries()) {
    const check = checkGiven(given, key);
    if (!check.verified) failures += 1;
    const number = proofs.length === 1 ? undefined : index + 1;
    await output.write(flags.json === true ? jsonLine(check) : words(check, number, key !== undefined));
  }
  if (proofs.length > 1 && flags.json !== true)
    await output.write(`${proofs.length - failures} of ${proofs.length} proofs verify\n`);
  await output.flush();
  if (failures > 0) process.exitCode = NOT_VERIFIED;
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : file;
}

async function readInput(file: string): Promise<string> {
  try {
    return await readAll(file === "-" ? Bun.stdin.stream() : createReadStream(file), file);
  } catch (error) {
    if (error instanceof WbError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const reasons: Record<string, string> = {
      ENOENT: "there is no such file",
      EACCES: "you may not read it",
      EISDIR: "it is a directory",
    };
    throw new WbError("unavailable", `cannot read ${nameOf(file)}: ${reasons[code] ?? code}`, {
      cause: error,
      hint: "name a file that the parent exported, or - to read standard input",
    });
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>, file: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.byteLength;
    if (bytes > INPUT_BYTES_MAX) {
      throw new WbError("usage", `${nameOf(file)} is larger than 256 MiB`, {
        hint: "split it by lines: split --lines 10000",
      });
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** One proof, an array of them, or lines. */
function parseProofs(text: string): Given[] {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") return [];
  const whole = parse(trimmed);
  if ("value" in whole) {
    return Array.isArray(whole.value) ? whole.value.map((value: unknown) => ({ value })) : [whole];
  }
  const lines = trimmed.split(/\r?\n/).filter((line) => line.trim() !== "");
  const given = lines.map(parse);
  // Where no line is JSON by itself it is one document over several lines, and torn.
  return given.some((line) => "value" in line && isObject(line.value)) ? given : [whole];
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function parse(text: string): Given {
  try {
    const value: unknown = JSON.parse(text);
    return { value };
  } catch (error) {
    return { torn: error instanceof Error ? error.message : String(error) };
  }
}

function checkGiven(given: Given, key: string | undefined): ProofCheck {
  if ("value" in given) return checkEventProof(given.value, key);
  const problem = `this is no JSON, or not all of it (${given.torn}): export the proof again`;
  return { verified: false, step: "form", problem };
}

function placeOf({ header, event }: EventProof): Record<string, string | number> {
  const { agentId, parentId, stream, epoch } = header;
  return { agentId, parentId, stream, epoch, seq: event.seq };
}

function jsonLine(check: ProofCheck): string {
  if (!check.verified)
    return `${jsonText({ version: VERIFY_JSON_VERSION, verified: false, step: check.step, problem: check.problem })}\n`;
  const { event, publicKey } = check.proof;
  const { type, provider, eventId, timestampMs, payload } = event;
  const told = { type, provider, eventId, timestampMs, payload };
  return `${jsonText({ version: VERIFY_JSON_VERSION, verified: true, ...placeOf(check.proof), publicKey, ...told })}\n`;
}

function words(check: ProofCheck, number: number | undefined, isKeyGiven: boolean): string {
  const heading = number === undefined ? "" : `${number}: `;
  if (!check.verified) return `${heading}does NOT verify (${check.step}): ${printable(check.problem)}\n`;
  const { header, event, publicKey } = check.proof;
  const trust = isKeyGiven ? "the key that was given" : "its own key: compare the agent's id";
  const lines = [
    `${heading}verified, signed with ${trust}`,
    `  agent    ${header.agentId}`,
    `  key      ${publicKey}`,
    `  parent   ${header.parentId}`,
    `  place    ${header.stream} ${header.epoch} ${event.seq}`,
    `  time     ${timeText(event.timestampMs)} (the agent's clock)`,
    `  event    ${event.type} of ${event.provider}, number ${event.eventId}`,
    `  payload  ${event.payload}`,
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

function timeText(timestampMs: number): string {
  return new Date(timestampMs).toISOString();
}
