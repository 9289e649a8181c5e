/** Matches text against what a person typed: a part of it, all of it, or a pattern with `*` and `?`. Never slow. */

export type TextTest = (text: string) => boolean;

/** Whether an unquoted value is a pattern. */
export function isPattern(value: string): boolean {
  return value.includes("*") || value.includes("?");
}

/** Case-insensitive; a pattern must match the whole text, anything else only a part of it. */
export function partTest(value: string, isQuoted: boolean): TextTest {
  const wanted = value.toLowerCase();
  if (!isQuoted && isPattern(wanted)) return (text) => matchesGlob(wanted, text.toLowerCase());
  return (text) => text.toLowerCase().includes(wanted);
}

/** Case-insensitive, on the whole text. */
export function wholeTest(value: string, isQuoted: boolean): TextTest {
  const wanted = value.toLowerCase();
  if (!isQuoted && isPattern(wanted)) return (text) => matchesGlob(wanted, text.toLowerCase());
  return (text) => text.toLowerCase() === wanted;
}

/**
 * Whether `*` (any characters, also none) and `?` (one character) in the pattern can be filled to give the text. Only the
 * last `*` is ever tried again, so the work is at most the product of both lengths, whatever the pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let inPattern = 0;
  let inText = 0;
  let star = -1;
  let starText = 0;
  while (inText < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === "*") {
      star = inPattern;
      starText = inText;
      inPattern += 1;
    } else if (wanted === "?" || (wanted !== undefined && wanted === text[inText])) {
      inPattern += 1;
      inText += 1;
    } else if (star >= 0) {
      starText += 1;
      inPattern = star + 1;
      inText = starText;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern += 1;
  return inPattern === pattern.length;
}
