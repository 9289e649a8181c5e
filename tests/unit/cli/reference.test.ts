/** What is made from the commands themselves: completions that real shells load, and a man page that roff accepts. */
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Command, Option } from "commander";
import { type CommandEntry, visibleCommands } from "../../../src/cli/command-entry.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { document } from "../../../src/cli/documentation.ts";
import { type DocumentName, DOCUMENTS, documentText } from "../../../src/cli/man.ts";
import { monitorCommand } from "../../../src/cli/monitor.ts";
import { bashCompletions } from "../../../src/cli/reference/bash.ts";
import { fishCompletions } from "../../../src/cli/reference/fish.ts";
import { manPage, roffText } from "../../../src/cli/reference/man-page.ts";
import { cliPage } from "../../../src/cli/reference/markdown.ts";
import { commandReferences, flatten, type CommandReference } from "../../../src/cli/reference/reference.ts";
import { zshCompletions } from "../../../src/cli/reference/zsh.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";

/** A command below a command, with texts that every format has to escape. */
function awkwardCommand(): Command {
  const below = new Command("deep")
    .description('It\'s [deep]: 100% \\ `bold` ~^ "quoted"')
    .addOption(new Option("-f, --format <form>", "as it's [called]: a\\b").choices(["csv", "json"]))
    .addOption(new Option("--output <file>", "where to"));
  document(below, { examples: [{ command: ".wb 'deep' \"x\"", purpose: "it's an example" }] });
  return new Command("awkward").description("Holds one.").addCommand(below);
}

const ENTRIES: readonly CommandEntry[] = [
  { name: "monitor", summary: "Watch it's connections", load: () => Promise.resolve(monitorCommand()) },
  { name: "awkward", summary: "Holds: [one]", load: () => Promise.resolve(awkwardCommand()) },
];

let references: readonly CommandReference[] = [];
beforeAll(async () => {
  references = await commandReferences(ENTRIES);
});

/** What bash would offer after these words, the last of which is being typed. */
async function bashOffers(words: readonly string[]): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${bashCompletions(references)}
complete -p wb >/dev/null || exit 9
COMP_WORDS=(${quoted}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _wb
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const run = Bun.spawn(["bash", "--norc", "-c", script], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  expect(stderr).toBe("");
  expect(await run.exited).toBe(0);
  return stdout.split("\n").filter((line) => line !== "");
}

describe("bash", () => {
  testWith(["program:bash"], "offers commands, options, choices and files", async () => {
    expect(await bashOffers(["wb", "m"])).toEqual(["monitor"]);
    expect(await bashOffers(["wb", ""])).toEqual(["monitor", "awkward", "help", "--help", "--version"]);
    expect(await bashOffers(["wb", "monitor", "--js"])).toEqual(["--json", "--jsonl"]);
    expect(await bashOffers(["wb", "monitor", "--by", "p"])).toEqual(["process", "port"]);
    expect(await bashOffers(["wb", "monitor", "--by", "=", "ho"])).toEqual(["host"]);
    expect(await bashOffers(["wb", "monitor", "--by", "="])).toHaveLength(7);
    expect(await bashOffers(["wb", "monitor", "--interval", ""])).toEqual([]);
    expect(await bashOffers(["wb", "awkward", ""])).toEqual(["deep", "--help", "-h"]);
    expect(await bashOffers(["wb", "awkward", "deep", "-f", "c"])).toEqual(["csv"]);
    expect(await bashOffers(["wb", "nothing", ""])).toEqual([
      "monitor",
      "awkward",
      "help",
      "--help",
      "--version",
    ]);
  });

  testWith(["program:bash"], "offers files with spaces whole", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "a b.toml");
    await Bun.write(path, "");
    expect(await bashOffers(["wb", "monitor", "--config", join(directory.path, "a")])).toEqual([path]);
  });
});

async function checks(program: string, args: readonly string[], text: string): Promise<void> {
  await using directory = await tmpdir();
  const path = join(directory.path, "completions");
  await Bun.write(path, text);
  const run = Bun.spawn([program, ...args, path], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  expect([stderr, stdout, await run.exited]).toEqual(["", "", 0]);
}

describe("zsh and fish", () => {
  test("every option, with its choices", () => {
    const zsh = zshCompletions(references);
    expect(zsh).toContain(
      "'--by=[what a row is]:what:(connection process address host user port interface)'",
    );
    expect(zsh).toContain("'--config=[configuration file, instead of the usual places]:file:_files'");
    expect(zsh).toContain("'--format=[as it'\\''s \\[called\\]\\: a\\\\b]:form:(csv json)'");
    const fish = fishCompletions(references);
    expect(fish).toContain(
      "complete -c wb -n '__wb_at wb monitor' -l by -x -a 'connection process address host user port interface' -d 'what a row is'",
    );
    expect(fish).toContain(
      "complete -c wb -n '__wb_at wb awkward deep' -l format -s f -x -a 'csv json' -d 'as it\\'s [called]: a\\\\b'",
    );
    for (const option of flatten(references).flatMap((each) => each.options)) {
      expect(zsh).toContain(option.long);
      expect(fish).toContain(`-l ${option.long.slice(2)}`);
    }
  });

  testWith(["program:zsh"], "zsh reads its own", () => checks("zsh", ["-n"], zshCompletions(references)));
  testWith(["program:fish"], "fish reads its own", () => checks("fish", ["-n"], fishCompletions(references)));

  testWith(["program:zsh"], "zsh completes with it", async () => {
    await using directory = await tmpdir();
    await Bun.write(join(directory.path, "_wb"), zshCompletions(references));
    const script = `fpath=(${directory.path} $fpath); autoload -Uz compinit; compinit -u -D; print -r -- $_comps[wb]`;
    const run = Bun.spawn(["zsh", "-f", "-c", script], { stdout: "pipe", stderr: "pipe" });
    expect([await run.stderr.text(), await run.stdout.text(), await run.exited]).toEqual(["", "_wb\n", 0]);
  });

  testWith(["program:fish"], "fish offers commands and choices", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "wb.fish");
    await Bun.write(path, fishCompletions(references));
    const offers = async (line: string): Promise<string[]> => {
      const script = `source ${path}; complete -C ${JSON.stringify(line)}`;
      const run = Bun.spawn(["fish", "--no-config", "-c", script], { stdout: "pipe", stderr: "pipe" });
      expect(await run.stderr.text()).toBe("");
      return (await run.stdout.text())
        .split("\n")
        .filter((each) => each !== "")
        .map((each) => each.split("\t")[0] ?? "");
    };
    expect(await offers("wb m")).toEqual(["monitor"]);
    expect(await offers("wb monitor --by p")).toEqual(["port", "process"]);
    expect(await offers("wb awkward deep --format c")).toEqual(["csv"]);
    expect(await offers("wb awkward ")).toEqual(["deep"]);
  });
});

describe("the man page", () => {
  test("escapes what roff would take for its own", () => {
    expect(roffText(".a -b 'c' \\ `")).toBe("\\&.a \\-b \\(aqc\\(aq \\e \\(ga");
  });

  for (const [program, args] of [
    ["groff", ["-man", "-ww", "-Tutf8", "-z"]],
    ["man", ["--warnings", "-l"]],
  ] as const) {
    testWith([`program:${program}`], `${program} finds nothing to warn of`, async () => {
      await using directory = await tmpdir();
      const path = join(directory.path, "wb.1");
      await Bun.write(path, manPage(references));
      const run = Bun.spawn([program, ...args, path], {
        stdout: "pipe",
        stderr: "pipe",
        env: { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "100" },
      });
      const [stdout, stderr] = await Promise.all([run.stdout.text(), run.stderr.text()]);
      expect([stderr, await run.exited]).toEqual(["", 0]);
      if (program === "man") expect(stdout).toContain("--interval time");
    });
  }

  test("docs/cli.md has every command and option", () => {
    const page = cliPage(references);
    for (const reference of flatten(references)) {
      expect(page).toContain(`## wb ${reference.path.join(" ")}\n`);
      for (const option of reference.options) expect(page).toContain(option.long);
    }
  });
});

describe("the checked-in documents", () => {
  // UPDATE_DOCS=1 writes them anew.
  for (const [name, path] of Object.entries(DOCUMENTS)) {
    test(`${path} is up to date`, async () => {
      const text = await documentText(name as DocumentName, COMMANDS);
      const file = Bun.file(new URL(`../../../${path}`, import.meta.url));
      if (process.env["UPDATE_DOCS"] === "1") await Bun.write(file, text);
      expect(await file.text()).toBe(text);
    });
  }

  testWith(["program:groff"], "docs/wb.1 has nothing that roff warns of", async () => {
    const page = new URL("../../../docs/wb.1", import.meta.url).pathname;
    const run = Bun.spawn(["groff", "-man", "-ww", "-Tutf8", "-z", page], { stdout: "pipe", stderr: "pipe" });
    expect([await run.stderr.text(), await run.stdout.text(), await run.exited]).toEqual(["", "", 0]);
  });

  test("every command has a summary, a description, an example and help for each option", async () => {
    for (const reference of flatten(await commandReferences(COMMANDS))) {
      const name = reference.path.join(" ");
      expect([name, reference.summary !== "", reference.description !== ""]).toEqual([name, true, true]);
      if (reference.commands.length === 0)
        expect([name, reference.documentation.examples.length > 0]).toEqual([name, true]);
      for (const option of reference.options)
        expect([name, option.long, option.description !== ""]).toEqual([name, option.long, true]);
    }
  });

  test("completions of the real commands: no two options of a command are alike", async () => {
    for (const reference of flatten(await commandReferences(COMMANDS))) {
      const names = reference.options
        .flatMap((option) => [option.long, option.short])
        .filter((name) => name !== undefined);
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

describe("the commands", () => {
  test("hidden ones are not told of", () => {
    expect(visibleCommands(COMMANDS).map((command) => command.name)).toEqual([
      "monitor",
      "history",
      "export",
      "helper",
      "serve",
      "agent",
      "verify",
      "doctor",
      "completions",
    ]);
    expect(COMMANDS.filter((command) => command.hidden === true).map((command) => command.name)).toEqual([
      "man",
    ]);
  });
});
