/** What the locale says of the terminal's character set. */

type Environment = Readonly<Record<string, string | undefined>>;

/** By the order of setlocale(3); undefined where none is set. */
function localeOf(env: Environment): string | undefined {
  return [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
}

/** Whether the locale says UTF-8. */
export function isUtf8(env: Environment): boolean {
  return /utf-?8/i.test(localeOf(env) ?? "");
}

/** Whether the locale is set to one without UTF-8; where none is set, terminals of today know it all the same. */
export function isWithoutUnicode(env: Environment): boolean {
  return localeOf(env) !== undefined && !isUtf8(env);
}
