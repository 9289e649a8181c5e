/** /etc/passwd and /etc/group (man 5 passwd, man 5 group): users and groups. Pure; lines that are not of the format are passed over. */

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

/** The id of a group by its name, as getgrnam answers it; undefined where there is none. */
export function parseGroupId(text: string, wanted: string): number | undefined {
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name === wanted && id !== undefined && /^\d{1,10}$/.test(id)) return Number(id);
  }
  return undefined;
}
