/** Which parent a question goes to, and by which key: options, variables, or the parent of this machine by its own file. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { formatAddress, parseAddress } from "../../agent/address.ts";
import { WbError } from "../../model/errors.ts";
import { stateDirectory } from "../../platform/paths.ts";
import { installedUnit } from "../../platform/systemd-service.ts";
import { SERVE_UNIT_NAME } from "../serve-unit.ts";

export interface ParentFlags {
  readonly parent?: string;
  readonly pin?: string;
  readonly keyFile?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

export interface ParentAccess {
  /** `https://host:port` */
  readonly url: string;
  /** Undefined: its certificate must be one that this machine trusts. */
  readonly pin: string | undefined;
  readonly key: string;
  /** Whether it is that of this machine, by its own file. */
  readonly isLocal?: boolean;
}

/** Of keys of our own making; src/server/people/keys.ts. */
const KEY = /^wbk_[\w-]{1,200}$/;
/** SHA-256 in base64url. */
const PIN = /^[\w-]{43}$/;

/** The options that every question to a parent has. */
export function addParentOptions(command: Command): Command {
  return command
    .option("--parent <host:port>", "another parent than the one on this machine (or WB_PARENT)")
    .option("--pin <pin>", "pin of that parent's TLS key, as it shows it at its start (or WB_PARENT_PIN)")
    .option("--key-file <file>", "file with an API key (or WB_API_KEY with the key itself)")
    .option(
      "--state-dir <directory>",
      "where the parent of this machine keeps its state (default: as `wb serve`; for root that of its service)",
    )
    .option("--json", "JSON instead of a table");
}

/** What can be said by variables as well. */
export const PARENT_ENVIRONMENT: readonly { readonly name: string; readonly meaning: string }[] = [
  { name: "WB_PARENT", meaning: "the same as --parent" },
  { name: "WB_PARENT_PIN", meaning: "the same as --pin" },
  { name: "WB_API_KEY", meaning: "the API key itself, instead of --key-file" },
];

/** What `wb serve` leaves for the command line of its own user; written anew at each of its starts, mode 0600. */
const LocalFile = z.object({ url: z.url(), pin: z.string(), key: z.string() });

export function localFilePath(stateDir: string | undefined): string {
  return join(stateDir ?? join(stateDirectory(), "serve"), "local.json");
}

/**
 * @throws WbError("config") where no key is given and this machine has no parent that this user may ask; WbError("usage") for
 * a parent that is no address.
 */
export function parentAccess(
  flags: ParentFlags,
  env: Readonly<Record<string, string | undefined>>,
): ParentAccess {
  const parent = flags.parent ?? env["WB_PARENT"];
  if (parent === undefined || parent === "") return localAccess(flags.stateDir, flags, env);
  const key = givenKey(flags, env);
  if (key === undefined) {
    throw new WbError("config", "an API key is needed to ask another machine's parent", {
      hint: "make one there with `wb serve key create`, and name its file with --key-file, or set WB_API_KEY",
    });
  }
  const url = `https://${formatAddress(parseAddress(parent))}`;
  return { url, pin: givenPin(flags.pin ?? env["WB_PARENT_PIN"]), key, isLocal: false };
}

function givenPin(text: string | undefined): string | undefined {
  const pin = text?.trim();
  if (pin === undefined || pin === "") return undefined;
  if (PIN.test(pin)) return pin;
  throw new WbError("usage", `"${pin}" is no pin of a parent`, {
    hint: "`wb serve` shows it: 43 letters, digits, - and _",
  });
}

function givenKey(flags: ParentFlags, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { keyFile } = flags;
  const text = (keyFile === undefined ? env["WB_API_KEY"] : readKey(keyFile))?.trim();
  if (text === undefined || (keyFile === undefined && text === "")) return undefined;
  if (KEY.test(text)) return text;
  throw new WbError("config", `${keyFile ?? "WB_API_KEY"} holds no API key`, {
    hint: "it is one line, which begins with wbk_: `wb serve key create NAME` prints it",
  });
}

function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WbError("config", `--key-file can't be read: ${reason}`, {
      cause,
      hint: "it holds one line, which begins with wbk_",
    });
  }
}

function localAccess(
  stateDir: string | undefined,
  flags: ParentFlags,
  env: Readonly<Record<string, string | undefined>>,
): ParentAccess {
  const path = localFilePath(stateDir);
  const given = givenKey(flags, env);
  try {
    const local = LocalFile.parse(JSON.parse(readFileSync(path, "utf8")));
    return { ...local, key: given ?? local.key, isLocal: true };
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EACCES") {
      throw new WbError("permission", `the parent's key ${path} is not for this user`, {
        cause,
        hint: "run it as the user that runs `wb serve`, or name an API key of your own with --key-file",
      });
    }
    const isAbsent = code === "ENOENT" || code === "ENOTDIR";
    throw new WbError(
      "unavailable",
      isAbsent ? `there is no parent in ${dirname(path)}` : `${path} is damaged`,
      {
        cause,
        hint: isAbsent ? absentHint() : "`wb serve` writes it anew at its next start",
      },
    );
  }
}

function absentHint(): string {
  if (process.geteuid?.() !== 0 && installedUnit(SERVE_UNIT_NAME, {}) !== undefined)
    return "the parent of this machine is a service: ask as root (sudo), or with a key of your own: --parent HOST --pin PIN --key-file FILE";
  return "start one with `wb serve`; name its --state-dir, if it has its own; or another machine's with --parent HOST --pin PIN --key-file FILE";
}
