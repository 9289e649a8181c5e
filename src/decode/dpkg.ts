/**
 * What dpkg writes about installed packages: its status file (deb-control(5)), lists of files, and diversions
 * (dpkg-divert(1)). Pure; what can't be read as that is left out.
 */

export interface DpkgPackage {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  /** Who maintains it, without the mail address; empty where it doesn't say. */
  readonly maintainer: string;
}

const FIELDS = ["package", "status", "architecture", "version", "maintainer"] as const;
/** Their first letters: most lines begin otherwise, and are not decoded. */
const INITIALS = FIELDS.map((name) => name.charCodeAt(0));
const COLON = 0x3a;
/** The longest of the names above, with room. */
const NAME_MAX = 16;

/** Reads the status file line by line and tells the packages that are installed; what it keeps is the one it reads. */
export class DpkgStatusReader {
  readonly #tell: (found: DpkgPackage) => void;
  readonly #fields = new Map<string, string>();

  constructor(tell: (found: DpkgPackage) => void) {
    this.#tell = tell;
  }

  line(bytes: Buffer, start: number, end: number): void {
    if (end <= start) {
      this.end();
      return;
    }
    // A line that begins with a space goes on with the field before, of which the first line is enough.
    if (!INITIALS.includes((bytes[start] ?? 0) | 0x20)) return;
    let colon = 1;
    while (colon < NAME_MAX && start + colon < end && bytes[start + colon] !== COLON) colon += 1;
    if (bytes[start + colon] !== COLON) return;
    const name = bytes.toString("latin1", start, start + colon).toLowerCase();
    if (!(FIELDS as readonly string[]).includes(name) || this.#fields.has(name)) return;
    this.#fields.set(name, bytes.toString("utf8", start + colon + 1, end).trim());
  }

  /** After the last line too. */
  end(): void {
    const fields = this.#fields;
    const name = fields.get("package") ?? "";
    // The third word is the state: files may be there from "unpacked" on.
    const state = fields.get("status")?.split(" ").at(-1) ?? "";
    const isThere = state !== "" && state !== "not-installed" && state !== "config-files";
    if (name !== "" && isThere) {
      this.#tell({
        name,
        architecture: fields.get("architecture") ?? "",
        version: fields.get("version") ?? "",
        maintainer: withoutAddress(fields.get("maintainer") ?? ""),
      });
    }
    fields.clear();
  }
}

function withoutAddress(maintainer: string): string {
  const open = maintainer.indexOf("<");
  return (open < 0 ? maintainer : maintainer.slice(0, open)).trim().replaceAll(/^"|"$/g, "");
}

/** A path whose file, of all packages but one, is at another path. */
export interface Diversion {
  readonly from: string;
  readonly to: string;
  /** The package whose own file stays at `from`; `:` for none. */
  readonly by: string;
}

/** Three lines each. */
export function parseDiversions(text: string): Diversion[] {
  const lines = text.split("\n");
  const diversions: Diversion[] = [];
  for (let index = 0; index + 2 < lines.length; index += 3) {
    const [from = "", to = "", by = ""] = lines.slice(index, index + 3);
    if (from.startsWith("/") && to.startsWith("/") && by !== "") diversions.push({ from, to, by });
  }
  return diversions;
}

/** `bash` of `bash.list`, `libc6` of `libc6:amd64.list`; undefined where it is no list. */
export function packageOfList(fileName: string): { name: string; architecture: string } | undefined {
  const match = /^([a-z\d][a-z\d.+-]{0,255})(?::([a-z\d-]{1,64}))?\.list$/i.exec(fileName);
  return match?.[1] === undefined ? undefined : { name: match[1], architecture: match[2] ?? "" };
}

/**
 * The same file under the names that it has where /bin, /sbin and /lib are links into /usr: packages may list either.
 * The path itself comes first.
 */
export function mergedNames(path: string): string[] {
  const merged = /^\/usr(\/(?:s?bin|lib(?:32|64|x32|o32)?)\/.*)$/s.exec(path);
  if (merged?.[1] !== undefined) return [path, merged[1]];
  return /^\/(?:s?bin|lib(?:32|64|x32|o32)?)\//.test(path) ? [path, `/usr${path}`] : [path];
}
