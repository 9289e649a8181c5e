/** What `rpm -qf` answers when it is asked in this form: one line per package that has the file. Pure. */

/** See rpm(8), QUERY OPTIONS. A tag that a package does not have is told as `(none)`. */
export const RPM_FORMAT = "%{VENDOR}\\t%{PACKAGER}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\n";

const FIELD_MAX = 255;

export interface RpmOwner {
  readonly publisher: string | null;
  readonly version: string | null;
}

/** Of the first package; undefined where it is no such answer, as when no package has the file. */
export function parseRpmAnswer(text: string): RpmOwner | undefined {
  const fields = text.split("\n", 1)[0]?.split("\t") ?? [];
  const [vendor = "", packager = "", epoch = "", version = ""] = fields;
  if (fields.length !== 4 || !/^\d{1,10}$/.test(epoch) || version === "") return undefined;
  const told = epoch === "0" ? version : `${epoch}:${version}`;
  const maker = isTold(vendor) ? vendor : withoutAddress(packager);
  return { publisher: isTold(maker) ? maker.slice(0, FIELD_MAX) : null, version: told.slice(0, FIELD_MAX) };
}

function isTold(field: string): boolean {
  return field !== "" && field !== "(none)";
}

function withoutAddress(packager: string): string {
  const open = packager.indexOf("<");
  return (open < 0 ? packager : packager.slice(0, open)).trim();
}
