/** `/proc/net/snmp`: the counters of RFC 4022 (TCP-MIB) that the kernel keeps for a network namespace. Pure. */

/**
 * How many TCP connections were ever begun here, by this machine and by others: ActiveOpens + PassiveOpens. Undefined
 * where the text does not tell them.
 */
export function parseTcpOpens(text: string): number | undefined {
  const lines = text.split("\n", 100).filter((line) => line.startsWith("Tcp: "));
  const [names, values] = [lines[0]?.split(" "), lines[1]?.split(" ")];
  if (names === undefined || values === undefined) return undefined;
  const active = Number(values[names.indexOf("ActiveOpens")] ?? Number.NaN);
  const passive = Number(values[names.indexOf("PassiveOpens")] ?? Number.NaN);
  const opens = active + passive;
  return Number.isSafeInteger(opens) && opens >= 0 ? opens : undefined;
}
