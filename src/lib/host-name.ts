/** What may pass as the name of a host: the gate through which every name from a wire or a file must go. */

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * The name in lower case without its final dot, or undefined if it is no host name: labels of 1 to 63 letters, digits,
 * hyphens (not at either end) and underscores, at most 253 characters (RFC 1123 section 2.1, with the underscore that
 * real zones hold). Refuses a name whose last label is a number, because it could be taken for an address. What passes
 * is plain ASCII, so it can't steer a terminal or end a shell's word.
 */
export function hostName(text: string): string | undefined {
  if (text.length > 254) return undefined;
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  if (name.length === 0 || name.length > 253) return undefined;
  const labels = name.split(".");
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  return /^\d+$/.test(labels.at(-1) ?? "") ? undefined : name;
}
