/** `wb agent install` and `uninstall`: the agent as a service of systemd. */
import { resolve } from "node:path";
import { UNIT_NAME, unitText } from "../agent/service-unit.ts";
import { readParent } from "../agent/state.ts";
import { WbError } from "../model/errors.ts";
import {
  checkExecutable,
  checkMayInstall,
  installedUnit,
  installService,
  uninstallService,
  type ServiceOptions,
} from "../platform/systemd-service.ts";
import { agentStateDirectory } from "./agent-options.ts";
import { say, standardOutput } from "./output.ts";

export interface InstallFlags {
  readonly user?: true;
  readonly print?: true;
  readonly stateDir?: string;
}

function serviceOptions(flags: InstallFlags): ServiceOptions {
  return { unit: UNIT_NAME, command: "wb agent", forUser: flags.user === true, env: process.env };
}

export async function runInstall(flags: InstallFlags): Promise<void> {
  const options = serviceOptions(flags);
  const { forUser } = options;
  const executable = process.execPath;
  // What this user's environment says, the service would not know.
  const named = flags.stateDir ?? (process.env["WB_AGENT_STATE_DIR"] || undefined);
  const directory = named === undefined ? await agentStateDirectory(undefined, process.env) : resolve(named);
  const text = unitText({ executable, forUser, stateDirectory: named === undefined ? undefined : directory });
  if (flags.print === true) {
    checkExecutable(executable, true);
    await standardOutput.write(text);
    return;
  }
  checkMayInstall(options, "install");
  checkExecutable(executable, forUser);
  if (readParent(directory) === undefined) {
    throw new WbError(
      "usage",
      "this machine has joined no parent yet, so the service would have nobody to tell",
      {
        hint: forUser
          ? "first: wb agent join TOKEN"
          : "first: sudo wb agent join TOKEN; what you have joined as yourself is for wb agent install --user",
      },
    );
  }
  const path = await installService(options, text);
  sayInstalled(options, path);
  say(`${forUser ? "" : "sudo "}wb agent status tells whether it is connected`);
}

export async function runUninstall(flags: InstallFlags): Promise<void> {
  const options = serviceOptions(flags);
  checkMayInstall(options, "uninstall");
  sayRemoved(options, await uninstallService(options), "the agent's state is kept");
}

export function sayInstalled({ forUser }: ServiceOptions, path: string): void {
  say(
    `installed ${path}; it runs, and starts with ${forUser ? "your session (without one: loginctl enable-linger)" : "the machine"}`,
  );
}

/** Says what came of it, and that there is another one where that is so. */
export function sayRemoved({ unit, command, env }: ServiceOptions, isRemoved: boolean, kept: string): void {
  const other = installedUnit(unit, env);
  say(isRemoved ? `${unit} is stopped and removed; ${kept}` : "it is not installed as a service");
  if (other !== undefined)
    say(
      `there is one ${other === "user" ? "of your own" : "of the machine"}: ${other === "user" ? "" : "sudo "}${command} uninstall${other === "user" ? " --user" : ""}`,
    );
}
