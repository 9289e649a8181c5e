/** Splits a filter into its terms. Knows quotes, keys, commas and where each was, but no meaning. Total. */

export interface FilterValue {
  readonly text: string;
  /** Any part of it was in quotes: then `*`, `?` and comparisons are plain characters. */
  readonly isQuoted: boolean;
  /** Index of its first character in the filter. */
  readonly position: number;
}

export interface FilterWord {
  readonly isNegated: boolean;
  /** In lower case; undefined for free text. */
  readonly key: string | undefined;
  /** Alternatives. */
  readonly values: readonly FilterValue[];
  readonly position: number;
  /** Index after its last character. */
  readonly end: number;
  /** A quote was opened and not closed. */
  readonly isOpen: boolean;
}

export function splitFilter(text: string): readonly FilterWord[] {
  const words: FilterWord[] = [];
  let position = 0;
  while (position < text.length) {
    if (isSpace(text[position])) {
      position += 1;
      continue;
    }
    const word = readWord(text, position);
    words.push(word);
    position = word.end;
  }
  return words;
}

function isSpace(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character);
}

function readWord(text: string, position: number): FilterWord {
  let index = position;
  const isNegated = text[index] === "-" || text[index] === "!";
  if (isNegated) index += 1;
  // Letters up to a colon are a key, unless all of it is an IPv6 address such as dead:beef::1.
  const key = /^[a-z]+(?=:)/i.exec(text.slice(index, index + 32))?.[0];
  const isAddress =
    key !== undefined && /^[0-9a-f]{1,4}:[0-9a-f]*:[0-9a-f:./]*(?:\s|$)/i.test(text.slice(index, index + 64));
  const hasKey = key !== undefined && !isAddress;
  if (hasKey) index += key.length + 1;
  const { values, end, isOpen } = readValues(text, index);
  return { isNegated, key: hasKey ? key.toLowerCase() : undefined, values, position, end, isOpen };
}

function readValues(text: string, start: number): Pick<FilterWord, "values" | "end" | "isOpen"> {
  const values: FilterValue[] = [];
  let value = "";
  let valuePosition = start;
  let isQuoted = false;
  let isOpen = false;
  let index = start;
  const finish = (): void => {
    values.push({ text: value, isQuoted, position: valuePosition });
    value = "";
    isQuoted = false;
    valuePosition = index + 1;
  };
  for (; index < text.length; index += 1) {
    const character = text[index] ?? "";
    if (character === '"') {
      isOpen = !isOpen;
      isQuoted = true;
    } else if (isOpen && character === "\\" && /["\\]/.test(text[index + 1] ?? "")) {
      index += 1;
      value += text[index] ?? "";
    } else if (!isOpen && isSpace(character)) {
      break;
    } else if (!isOpen && character === ",") {
      finish();
    } else {
      value += character;
    }
  }
  finish();
  return { values, end: index, isOpen };
}
