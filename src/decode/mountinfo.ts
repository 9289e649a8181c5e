/** /proc/PID/mountinfo, as https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html has it. */

/**
 * Where the unified cgroup hierarchy is mounted: the mount of its root where there is one, else of a part of it;
 * undefined where it isn't mounted.
 */
export function cgroup2Directory(mountinfo: string): string | undefined {
  let part: string | undefined;
  for (const line of mountinfo.split("\n")) {
    // id, parent, device, root, mount point, options, optional fields …, "-", type, source, super options
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    const [root, place] = [fields[3], fields[4]];
    if (separator < 0 || fields[separator + 1] !== "cgroup2" || place === undefined) continue;
    if (root === "/") return unescape(place);
    part ??= unescape(place);
  }
  return part;
}

export interface RootMount {
  /** Of the mount; no other one has it at the same time, in whatever mount namespace. */
  readonly id: string;
  /** The file system's device and the directory of it that is mounted. */
  readonly directory: string;
}

/** What a process sees as `/`, the last that was mounted there; undefined where that is no mount, as in a chroot. */
export function rootMount(mountinfo: string): RootMount | undefined {
  const [, id, directory] = [...mountinfo.matchAll(/^(\d+) \d+ (\d+:\d+ \S+) \/ /gm)].at(-1) ?? [];
  return id === undefined || directory === undefined ? undefined : { id, directory };
}

/** Blanks, tabs, line ends and backslashes are written as three octal digits. */
function unescape(text: string): string {
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  const plain = bytes.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return Buffer.from(plain, "latin1").toString("utf8");
}
