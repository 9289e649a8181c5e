/**
 * What is known of programs without asking anybody: thousands of names in the ten categories, checked against the place that
 * the program runs from. It says how sure it is: a name in a place where programs are installed is 0.95, a name alone 0.7, a
 * place or a maker alone 0.6. What only calls itself a part of the system is not believed.
 */
import type { ProcessCategory } from "../../model/categories.ts";
import { BROWSERS } from "./browsers.ts";
import { COMMUNICATION } from "./communication.ts";
import { DEVELOPMENT } from "./development.ts";
import { GAMES } from "./games.ts";
import { isKernelThread } from "./kernel-threads.ts";
import { MEDIA } from "./media.ts";
import { isRuntime, placeCategory, plainPath, standingOf } from "./places.ts";
import { PRODUCTIVITY } from "./productivity.ts";
import { SHORT_NAME_LENGTH, nameForms, plainName } from "./program-name.ts";
import { publisherCategory } from "./publishers.ts";
import { SOCIAL_MEDIA } from "./social.ts";
import { LINUX_SYSTEM, MACOS_SYSTEM, WINDOWS_SYSTEM } from "./systems.ts";
import { UTILITIES } from "./utilities.ts";

export const NAME_AND_PLACE = 0.95;
export const NAME_ALONE = 0.7;
export const HINT_ALONE = 0.6;

export interface ProgramFacts {
  readonly name: string;
  readonly path: string | null;
  /** Who made it: of a signature, or the package that it is in. */
  readonly publisher: string | null;
}

export interface BuiltinAnswer {
  readonly category: ProcessCategory;
  /** 0 to 1. */
  readonly confidence: number;
}

/** Names as they stand in the lists, by category. A name stands in one of them. */
export const BUILTIN_NAMES: readonly (readonly [ProcessCategory, string])[] = [
  ["game", GAMES],
  ["browser", BROWSERS],
  ["social_media", SOCIAL_MEDIA],
  ["communication", COMMUNICATION],
  ["productivity", PRODUCTIVITY],
  ["development", DEVELOPMENT],
  ["media", MEDIA],
  ["utility", UTILITIES],
  ["system", LINUX_SYSTEM],
  ["system", WINDOWS_SYSTEM],
  ["system", MACOS_SYSTEM],
];

interface Lists {
  readonly names: ReadonlyMap<string, ProcessCategory>;
  /** Names as the kernel cuts them; those that two categories share are in none. */
  readonly cut: ReadonlyMap<string, ProcessCategory>;
}

let lists: Lists | undefined;

/** Made at the first question: most commands ask none. */
function readLists(): Lists {
  const names = new Map<string, ProcessCategory>();
  for (const [category, text] of BUILTIN_NAMES) {
    for (const name of text.split(/[,\n]/)) {
      const plain = name.trim();
      if (plain !== "") names.set(plain, category);
    }
  }
  const cut = new Map<string, ProcessCategory>();
  const ambiguous = new Set<string>();
  for (const [name, category] of names) {
    if (name.length <= SHORT_NAME_LENGTH) continue;
    const short = name.slice(0, SHORT_NAME_LENGTH);
    if ((cut.get(short) ?? category) !== category) ambiguous.add(short);
    cut.set(short, category);
  }
  for (const short of ambiguous) cut.delete(short);
  return { names, cut };
}

/** Undefined where nothing is known of it. Never throws. */
export function builtinCategory({ name, path, publisher }: ProgramFacts): BuiltinAnswer | undefined {
  const place = plainPath(path);
  if (place === undefined && isKernelThread(name)) return { category: "system", confidence: NAME_AND_PLACE };
  const named = place === undefined ? categoryOfName(name) : categoryOfProgram(name, place);
  const placed = place === undefined ? undefined : placeCategory(place);
  const made = publisherCategory(publisher);
  if (named === undefined) {
    const hint = placed ?? made;
    return hint === undefined ? undefined : { category: hint, confidence: HINT_ALONE };
  }
  if (placed === "game" && named.category !== "game" && isRuntime(named.form)) {
    return { category: "game", confidence: HINT_ALONE };
  }
  const { category } = named;
  const agrees = placed === category || made === category;
  const standing = place === undefined ? "unknown" : standingOf(place);
  if (category === "system" && place !== undefined && !agrees && standing !== "installed") {
    return undefined; // `svchost.exe` in somebody's downloads is no part of Windows
  }
  const isSure = agrees || (standing === "installed" && named.isOfFile);
  return { category, confidence: isSure ? NAME_AND_PLACE : NAME_ALONE };
}

interface Named {
  readonly category: ProcessCategory;
  readonly form: string;
  /** The file itself is called so, and not only the process. */
  readonly isOfFile: boolean;
}

/** A process may call itself what it likes; a file's name was given by who installed it. Where both are known, the process's. */
function categoryOfProgram(name: string, place: string): Named | undefined {
  const byFile = categoryOfName(place);
  const byName = categoryOfName(name);
  if (byName === undefined) return byFile === undefined ? undefined : { ...byFile, isOfFile: true };
  return { ...byName, isOfFile: byFile?.category === byName.category };
}

function categoryOfName(name: string): Named | undefined {
  lists ??= readLists();
  for (const form of nameForms(name)) {
    const category = lists.names.get(form);
    if (category !== undefined) return { category, form, isOfFile: false };
  }
  const plain = plainName(name);
  const category = plain.length === SHORT_NAME_LENGTH ? lists.cut.get(plain) : undefined;
  return category === undefined ? undefined : { category, form: plain, isOfFile: false };
}
