/** Groups of this machine by /etc/group; one that another name service knows has no id here. */
import { readFileSync } from "node:fs";
import { parseGroupId } from "../../decode/passwd.ts";

/** Undefined where there is no such group, or no such file. */
export function groupIdOf(name: string, path = "/etc/group"): number | undefined {
  try {
    return parseGroupId(readFileSync(path, "utf8"), name);
  } catch {
    return undefined; // a system without the file has no groups to tell
  }
}
