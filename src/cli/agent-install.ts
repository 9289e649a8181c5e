/** `wb agent install` and `uninstall`: the agent as a service of systemd. */
import { installService, serviceText, uninstallService, type InstallOptions } from "../agent/install.ts";
import { UNIT_NAME } from "../agent/service-unit.ts";
import { readParent } from "../agent/state.ts";
import { agentDirectory } from "../agent/place.ts";
import { resolve } from "node:path";
import { WbError } from "../model/errors.ts";
import { say, standardOutput } from "./output.ts";

export interface InstallFlags {
  readonly user?: true;
  readonly print?: true;
  readonly stateDir?: string;
}

function installOptions(flags: InstallFlags): InstallOptions {
  const words = flags.stateDir === undefined ? [] : ["--state-dir", resolve(flags.stateDir)];
  return { forUser: flags.user === true, executable: process.execPath, words, env: process.env };
}

export async function runInstall(flags: InstallFlags): Promise<void> {
  const options = installOptions(flags);
  if (flags.print === true) {
    await standardOutput.write(serviceText(options));
    return;
  }
  const directory = flags.stateDir ?? agentDirectory(process.env, process.geteuid?.());
  if (!options.forUser && process.geteuid?.() !== 0) {
    throw new WbError("permission", "a service of the machine is root's to install", {
      hint: "sudo wb agent install; or as your own service: wb agent install --user",
    });
  }
  if (readParent(directory) === undefined) {
    throw new WbError(
      "usage",
      "this machine has joined no parent yet, so the service would have nobody to tell",
      {
        hint: options.forUser
          ? "first: wb agent join TOKEN"
          : "first: sudo wb agent join TOKEN; what you have joined as yourself is for wb agent install --user",
      },
    );
  }
  const path = await installService(options);
  say(`installed ${path}; it runs, and starts with ${options.forUser ? "your session" : "the machine"}`);
  say("wb agent status tells whether it is connected");
}

export async function runUninstall(flags: InstallFlags): Promise<void> {
  const isRemoved = await uninstallService(installOptions(flags));
  say(
    isRemoved
      ? `${UNIT_NAME} is stopped and removed; the agent's state is kept`
      : "the agent is not installed as a service",
  );
}
