/** /etc/passwd (man 5 passwd): user names by id. Pure; lines that are not of the format are passed over. */

/** The first name of each user id, as getpwuid answers it. */
export function parsePasswd(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name === undefined || name === "" || id === undefined || !/^\d{1,10}$/.test(id)) continue;
    const userId = Number(id);
    if (!names.has(userId)) names.set(userId, name);
  }
  return names;
}
