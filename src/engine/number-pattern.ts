/** Numbers as filters compare them: `443`, `>1024`, `<=1.5M`, `8000..8999`. */

export type NumberTest = (value: number) => boolean;

const FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
  ti: 1024 ** 4,
};

/** The number of `10`, `1.5k`, `2M`, `4GiB`, `100kB/s`: factors of 1000, with an i of 1024. Undefined if it is none. */
export function parseQuantity(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,15})?)([kmgt]i?)?(?:b)?(?:\/s)?$/i.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (FACTORS[(match[2] ?? "").toLowerCase()] ?? 1);
}

/** The comparison that a value says; undefined if it says none. `parse` reads one number. */
export function numberTest(
  value: string,
  parse: (text: string) => number | undefined,
): NumberTest | undefined {
  const range = value.split("..");
  if (range.length === 2) return rangeTest(range[0] ?? "", range[1] ?? "", parse);
  const match = /^(>=|<=|>|<|=)?(.*)$/s.exec(value);
  const wanted = parse(match?.[2] ?? "");
  if (wanted === undefined) return undefined;
  const comparison = match?.[1] ?? "=";
  switch (comparison) {
    case ">":
      return (number) => number > wanted;
    case ">=":
      return (number) => number >= wanted;
    case "<":
      return (number) => number < wanted;
    case "<=":
      return (number) => number <= wanted;
    default:
      return (number) => number === wanted;
  }
}

function rangeTest(
  from: string,
  to: string,
  parse: (text: string) => number | undefined,
): NumberTest | undefined {
  const least = parse(from);
  const most = parse(to);
  if (least === undefined || most === undefined) return undefined;
  return (number) => number >= least && number <= most;
}
