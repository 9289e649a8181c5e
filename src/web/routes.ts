/** Addresses of pages: what stands after `#`, taken apart and put together. Pure. */

export interface Route {
  /** `["agents", "<id>", "processes"]`. */
  readonly parts: readonly string[];
}

/** `#/agents/a%2Fb` → `["agents", "a/b"]`; what can't be decoded is no page. */
export function parseRoute(hash: string): Route {
  try {
    const parts = hash.replace(/^#?\/?/, "").split("/");
    return { parts: parts.filter((part) => part !== "").map(decodeURIComponent) };
  } catch {
    return { parts: ["?"] }; // a broken escape: the page "not found" says so
  }
}

/** The address of a page, for a link. */
export function linkTo(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}
