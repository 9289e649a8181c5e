/**
 * The filter language: which flows a person wants to see. No input makes it slow or throws anything but a usage error.
 *
 *     filter   = { term }                       apart by spaces; all of them must match
 *     term     = [ "-" | "!" ] ( key ":" values | values )      the sign means: must not match
 *     values   = value { "," value }            one of them must match
 *     value    = plain characters, "quoted text", or both together
 *     key      = process path command pid user host address port local remote service proto state attribution
 *                closed sent received bytes sendrate receiverate rate
 *
 * Letters match in either case. Text without `*` and `?` matches a part of process, path, command and host, and all of
 * anything else; with them, or in quotes, it matches the whole. In quotes `*`, `?`, spaces and commas are plain
 * characters, and `\"` is a quote. Numbers: `443`, `=443`, `>1024`, `>=1k`, `<2.5M`, `<=4GiB`, `8000..8999`; k, M, G, T are
 * powers of 1000, Ki, Mi, Gi, Ti of 1024. What can't be counted matches no comparison. `port:` and `address:` are true of
 * either end, `local:` and `remote:` of one. A term without a key is free text.
 */
import { printable } from "../lib/format.ts";
import { nearest } from "../lib/suggest.ts";
import { WbError } from "../model/errors.ts";
import type { Flow } from "../model/snapshot.ts";
import {
  compileFreeText,
  FILTER_KEY_ALIASES,
  FILTER_KEYS,
  type FilterKey,
  type FlowTest,
} from "./filter-keys.ts";
import { splitFilter, type FilterValue, type FilterWord } from "./filter-words.ts";
import { partTest, type TextTest } from "./text-pattern.ts";

export interface FilterTerm {
  readonly isNegated: boolean;
  /** Undefined: free text. */
  readonly key: string | undefined;
  readonly test: FlowTest;
  /** Of free text: the same test on one text, for rows that are not flows. */
  readonly testText: TextTest | undefined;
}

export interface Filter {
  readonly text: string;
  readonly terms: readonly FilterTerm[];
}

/** Longer filters and more terms are refused: nobody types them, and each costs time for every flow. */
const LENGTH_MAX = 4_096;
const TERMS_MAX = 100;

/** The filter that a text says. Throws a usage error that names the place and what may stand there. */
export function parseFilter(text: string): Filter {
  if (text.length > LENGTH_MAX)
    throw new WbError("usage", `the filter is longer than ${LENGTH_MAX} characters`);
  const words = splitFilter(text);
  if (words.length > TERMS_MAX) throw new WbError("usage", `the filter has more than ${TERMS_MAX} terms`);
  return { text, terms: words.map(compileWord) };
}

export function matches(filter: Filter, flow: Flow): boolean {
  for (const term of filter.terms) {
    if (term.test(flow) === term.isNegated) return false;
  }
  return true;
}

function compileWord(word: FilterWord): FilterTerm {
  if (word.isOpen) {
    throw fault(
      word.position,
      "a quote is opened and not closed",
      'Close it with ", or write \\" for the character.',
    );
  }
  if (word.key === undefined) return compileText(word);
  const key = keyOf(word.key, word.position);
  const tests = word.values.map((value) => compileValue(key, value));
  return {
    isNegated: word.isNegated,
    key: key.name,
    test: anyOf(tests),
    testText: undefined,
  };
}

function compileText(word: FilterWord): FilterTerm {
  const empty = word.values.find((value) => value.text === "");
  if (empty !== undefined) {
    const message =
      word.isNegated && word.values.length === 1 ? "nothing stands after the -" : "a text is empty";
    throw fault(empty.position, message, "Write what to look for, such as -curl or -port:443.");
  }
  const texts = word.values.map((value) => partTest(value.text, value.isQuoted));
  return {
    isNegated: word.isNegated,
    key: undefined,
    test: anyOf(word.values.map(compileFreeText)),
    testText: anyOf(texts),
  };
}

function compileValue(key: FilterKey, value: FilterValue): FlowTest {
  if (value.text === "") {
    throw fault(value.position, `nothing stands after ${key.name}:`, `It takes ${key.expects}.`);
  }
  const test = key.compile(value);
  if (test !== undefined) return test;
  throw fault(value.position, `${key.name}: can't be "${printable(value.text)}"`, `It takes ${key.expects}.`);
}

function keyOf(name: string, position: number): FilterKey {
  const wanted = Object.hasOwn(FILTER_KEY_ALIASES, name) ? FILTER_KEY_ALIASES[name] : name;
  const key = FILTER_KEYS.find((candidate) => candidate.name === wanted);
  if (key !== undefined) return key;
  const names = FILTER_KEYS.map((candidate) => candidate.name);
  const near = nearest(name, [...names, ...Object.keys(FILTER_KEY_ALIASES)]);
  const question = near === undefined ? "" : `Did you mean ${near}:? `;
  throw fault(
    position,
    `there is no key "${name}:"`,
    `${question}Keys: ${names.join(", ")}. Put text with a colon in quotes.`,
  );
}

function fault(position: number, message: string, hint: string): WbError {
  return new WbError("usage", `filter, character ${position + 1}: ${message}`, { hint });
}

function anyOf<Value>(tests: readonly ((value: Value) => boolean)[]): (value: Value) => boolean {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (value) => tests.some((test) => test(value));
}
