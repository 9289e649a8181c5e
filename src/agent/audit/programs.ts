/**
 * From what was seen of a program that runs to what is told of it: its name, its path, what it was started with, the content of
 * its file and who made it. It is looked at as soon as it is known, while its process lives; of one that is gone already, by
 * what the kernel told at its exec. The path is that of the file itself, whatever link it was started by.
 */
import { realpathSync } from "node:fs";
import type { ProcessDescription, ProcessScanner } from "../../capture/linux/process-scan.ts";
import { sanitizeCommandLine, sanitizeName, sanitizePath } from "../../lib/sanitize.ts";
import { fingerprintHashOf } from "../../protocol/fleet/fingerprint.ts";
import type { Fingerprint } from "../../protocol/fleet/payloads.ts";
import type { ProcessRow } from "../../protocol/helper/messages.ts";
import { NO_FACTS, type FileFacts, type FileReader } from "./file-facts.ts";
import type { NewRun } from "./ledger.ts";
import type { ProcessIds } from "./process-ids.ts";
import type { Run, Tracked } from "./tracked.ts";

const NAME_MAX = 255;
const UNKNOWN_NAME = "?";

export interface Program {
  readonly fingerprint: Fingerprint;
  readonly fingerprintHash: string;
  /** False: the file has not been read yet. */
  readonly isComplete: boolean;
}

/** Asks the helper; those that are gone are left out. */
export type AskRows = (pids: readonly number[]) => Promise<readonly ProcessRow[]>;

interface Sketch {
  readonly name: string;
  readonly path: string | undefined;
  readonly commandLine: string;
}

interface Known {
  sketch: Sketch;
  facts: FileFacts | undefined;
  program: Program | undefined;
  reading: Promise<void>;
}

export class Programs {
  readonly #scanner: ProcessScanner;
  readonly #files: FileReader;
  readonly #ids: ProcessIds;
  readonly #known = new WeakMap<Run, Known>();
  readonly #usage = new WeakMap<Tracked, { memoryBytes: number; cpuTimeMs: number }>();

  constructor(scanner: ProcessScanner, files: FileReader, ids: ProcessIds) {
    this.#scanner = scanner;
    this.#files = files;
    this.#ids = ids;
  }

  /** Looks at them now, and begins to read their files. `ask`: for what this program may not see itself. */
  look(news: readonly NewRun[], ask: AskRows | undefined): void {
    const strangers: NewRun[] = [];
    for (const each of news) {
      const description = this.#describe(each);
      if (this.#known.has(each.run)) continue;
      const isHidden = description !== undefined && description.path === undefined;
      if (isHidden && ask !== undefined) strangers.push(each);
      else this.#begin(each, this.#sketch(each, description));
    }
    if (strangers.length > 0 && ask !== undefined) this.#askFor(strangers, ask);
  }

  /** As far as it is known; complete later, if it is not yet. */
  of(process: Tracked, run: Run): Program {
    const known = this.#obtain(process, run);
    known.program ??= programOf(known.sketch, known.facts);
    return known.program;
  }

  /** When it is known whose file it is and what is in it, or that nobody can know. */
  whenComplete(process: Tracked, run: Run): Promise<void> {
    return this.#obtain(process, run).reading;
  }

  /** Memory and processor time at the last look; undefined where there was none. */
  usage(process: Tracked): { memoryBytes: number; cpuTimeMs: number } | undefined {
    return this.#usage.get(process);
  }

  #obtain(process: Tracked, run: Run): Known {
    return this.#known.get(run) ?? this.#begin({ process, run }, this.#sketch({ process, run }, undefined));
  }

  #describe({ process, run }: NewRun): ProcessDescription | undefined {
    const description = this.#scanner.describe(process.pid, process.startTicks);
    if (description === undefined) return undefined;
    process.userId ??= description.userId;
    process.isForeign = description.isForeign ?? process.isForeign;
    const { memoryBytes, cpuTimeMs } = description;
    this.#usage.set(process, { memoryBytes, cpuTimeMs });
    // It may run another program already, of which an event is under way.
    const isOther = run.comm !== "" && description.comm !== run.comm && run.fileName !== undefined;
    return isOther || process.run !== run ? undefined : description;
  }

  #sketch({ process, run }: NewRun, description: ProcessDescription | undefined): Sketch {
    const path = description?.path ?? this.#pathOf(process, run);
    const words = run.commandLine ?? description?.commandLine ?? [];
    const comm = run.comm === "" ? description?.comm : run.comm;
    return sketchOf(path, run.fileName, comm, words);
  }

  #pathOf(process: Tracked, { fileName }: Run): string | undefined {
    if (fileName === undefined || !fileName.startsWith("/")) return undefined;
    return process.isForeign ? fileName : follow(fileName);
  }

  #begin({ process, run }: NewRun, sketch: Sketch): Known {
    const known: Known = { sketch, facts: undefined, program: undefined, reading: Promise.resolve() };
    this.#known.set(run, known);
    known.reading = this.#read(process, run, known);
    return known;
  }

  async #read(process: Tracked, run: Run, known: Known): Promise<void> {
    const { path } = known.sketch;
    if (path === undefined) {
      known.facts = NO_FACTS;
      return;
    }
    const { pid, startTicks, isForeign } = process;
    const isSeen = run.fileName !== undefined;
    known.facts = await this.#files.read({
      link: process.state === "ended" ? undefined : this.#scanner.executableLink(pid),
      isStill: () => this.#scanner.runs(pid, startTicks, path),
      path,
      isForeign,
      ranAtMs: isSeen ? this.#ids.timeOf(run.execNs) : this.#ids.timeOfTicks(startTicks),
    });
    known.program = undefined;
  }

  /** One question for all of them; each is known when it is answered. */
  #askFor(strangers: readonly NewRun[], ask: AskRows): void {
    const answer = ask(strangers.map(({ process }) => process.pid)).then(
      (rows) => new Map(rows.map((row) => [row.pid, row])),
      () => new Map<number, ProcessRow>(), // the helper is gone: what is known has to do
    );
    for (const each of strangers) {
      const known: Known = {
        sketch: this.#sketch(each, undefined),
        facts: undefined,
        program: undefined,
        reading: Promise.resolve(),
      };
      this.#known.set(each.run, known);
      known.reading = this.#hear(each, known, answer);
    }
  }

  async #hear(
    { process, run }: NewRun,
    known: Known,
    answer: Promise<ReadonlyMap<number, ProcessRow>>,
  ): Promise<void> {
    const row = (await answer).get(process.pid);
    // Of one that is just ending the helper sees no more than we: what it was started as is known.
    if (row?.startTime === process.startTicks && process.run === run)
      known.sketch = sketchOf(
        row.path ?? known.sketch.path,
        run.fileName,
        run.comm,
        run.commandLine ?? row.commandLine,
      );
    known.program = undefined;
    await this.#read(process, run, known);
  }
}

function sketchOf(
  path: string | undefined,
  fileName: string | undefined,
  comm: string | undefined,
  words: readonly string[],
): Sketch {
  const name = baseName(path) || baseName(fileName) || comm || UNKNOWN_NAME;
  return {
    name: sanitizeName(name).slice(0, NAME_MAX) || UNKNOWN_NAME,
    path,
    commandLine: sanitizeCommandLine(words),
  };
}

function programOf({ name, path, commandLine }: Sketch, facts: FileFacts | undefined): Program {
  const { fileHash, publisher, version } = facts ?? NO_FACTS;
  const fingerprint: Fingerprint = {
    name,
    path: path === undefined ? null : sanitizePath(path),
    fileHash,
    signature: null,
    publisher,
    version,
    commandLinePattern: commandLine,
  };
  return {
    fingerprint,
    fingerprintHash: fingerprintHashOf(fingerprint),
    isComplete: facts !== undefined,
  };
}

function baseName(path: string | undefined): string {
  return path === undefined ? "" : path.slice(path.lastIndexOf("/") + 1);
}

/** `/usr/bin/python3` is `/usr/bin/python3.11`. */
function follow(name: string): string {
  try {
    return realpathSync(name);
  } catch {
    return name; // removed meanwhile, or not to be seen: then this is the best that is known
  }
}
