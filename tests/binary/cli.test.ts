/** The command line of the compiled binary: help, errors with their hints and exit codes, surroundings that are missing. */
import { describe, expect } from "bun:test";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { VERSION } from "../../src/model/version.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { runWb, wbEnvironment } from "../support/run-wb.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

describe("help and version", () => {
  testWith(["binary"], "wb --version says the version and nothing else", async () => {
    for (const flag of ["--version", "-V"]) {
      const { stderr, stdout, code } = await runWb([flag]);
      expect([stderr, stdout, code]).toEqual(["", `wb ${VERSION}\n`, 0]);
    }
  });

  testWith(
    ["binary"],
    "every command has help with examples and exit codes, on standard output",
    async () => {
      const { stdout: overview, stderr: words, code: done } = await runWb(["--help"]);
      expect([words, done]).toEqual(["", 0]);
      for (const name of ["monitor", "history", "export", "helper", "doctor", "completions"]) {
        expect(overview).toContain(`\n  ${name} `);
        const { stderr, stdout, code } = await runWb([name, "--help"]);
        expect([name, stderr, code]).toEqual([name, "", 0]);
        expect(stdout).toStartWith(`Usage: wb ${name}`);
        expect(stdout).toContain("\nExamples:\n");
        expect(stdout).toContain("\nExit codes:\n");
        expect((await runWb(["help", name])).stdout).toBe(stdout);
      }
      expect((await runWb([])).stdout).toBe(overview);
      // eslint-disable-next-line no-control-regex -- no escape codes without a terminal
      expect(overview).not.toMatch(/\u001b/);
    },
  );
});

/** args, standard error, exit code. */
const REFUSED: readonly (readonly [string[], string, number])[] = [
  [["monitr"], 'wb: there is no command "monitr"\nhint: did you mean "monitor"?\n', 2],
  [["--colour"], 'wb: there is no option "--colour"\nhint: `wb --help` lists the commands\n', 2],
  [["help", "histroy"], 'wb: there is no command "histroy"\nhint: did you mean "history"?\n', 2],
  [["\u001b[2J"], 'wb: there is no command "\u{fffd}[2J"\nhint: `wb --help` lists the commands\n', 2],
  [["monitor", "--jsno"], "wb: unknown option '--jsno'\nhint: did you mean --json?\n", 2],
  [
    ["monitor", "--interval"],
    "wb: option '--interval <time>' argument missing\nhint: `wb monitor --help` lists what it takes\n",
    2,
  ],
  [["monitor", "--json", "--csv"], "wb: --json and --csv exclude each other\nhint: choose one of them\n", 2],
  [
    ["monitor", "--interval", "0"],
    'wb: --interval: an interval must be between 100 ms and 1h 00m, not "0"\nhint: see `wb monitor --help`\n',
    2,
  ],
  [
    ["monitor", "--duration=-3s"],
    'wb: --duration: "-3s" is not a duration\nhint: write it as 500ms, 2s, 1m or 1h; a bare number is seconds\n',
    2,
  ],
  [
    ["monitor", "--by", "proces"],
    'wb: --by: there is no grouping "proces"\nhint: did you mean "process"?\n',
    2,
  ],
  [
    ["monitor", "--config", "/nonexistent.toml"],
    "wb: cannot read the configuration /nonexistent.toml: there is no such file\nhint: it is named by --config\n",
    2,
  ],
  [
    ["monitor", "--tui"],
    "wb: there is no terminal to show the screen on\nhint: leave out --tui for a table, or write --json, --jsonl or --csv\n",
    1,
  ],
  [["completions", "bsh"], 'wb: there are no completions for "bsh"\nhint: did you mean "bash"?\n', 2],
  [["export"], "wb: export needs a command\nhint: there are: history\n", 2],
  [
    ["completions"],
    "wb: missing required argument 'shell'\nhint: `wb completions --help` lists what it takes\n",
    2,
  ],
];

describe("errors", () => {
  testWith(["binary"], "say what is wrong and what to do, on standard error only", async () => {
    for (const [args, words, exitCode] of REFUSED) {
      const { stderr, stdout, code } = await runWb(args);
      expect([args, stderr, stdout, code]).toEqual([args, words, "", exitCode]);
    }
  });

  testWith(["binary"], "a wrong filter and a wrong column are told before anything is sampled", async () => {
    const filter = await runWb(["monitor", "--filter", "prot:tcp"]);
    expect(filter.stderr).toStartWith(
      'wb: filter, character 1: there is no key "prot:"\nhint: Did you mean proto:?',
    );
    expect([filter.stdout, filter.code]).toEqual(["", 2]);
    const column = await runWb(["monitor", "--sort", "bytesSend"]);
    expect(column.stderr).toStartWith(
      'wb: rows by connection have no column "bytesSend" to sort by\nhint: Did you mean bytesSent?',
    );
    expect([column.stdout, column.code]).toEqual(["", 2]);
  });

  testWith(["binary"], "a wrong configuration names file, line and what was meant", async () => {
    await using home = await tmpdir();
    const path = join(home.path, ".config", "wirebound", "config.toml");
    await mkdir(join(home.path, ".config", "wirebound"), { recursive: true });
    await Bun.write(path, "[monitor]\nintervall = 2\n");
    const { stderr, stdout, code } = await runWb(["monitor", "--demo"], { home: home.path });
    expect([stderr, stdout, code]).toEqual([
      `wb: ${path}:2: there is no setting "intervall" in [monitor]\nhint: did you mean "interval"?\n`,
      "",
      2,
    ]);
  });

  testWith(
    ["binary", "root", "program:setpriv"],
    "a usual configuration that may not be read is a warning",
    async () => {
      await using home = await tmpdir();
      await chmod(home.path, 0o755);
      await mkdir(join(home.path, ".config", "wirebound"), { recursive: true });
      const path = join(home.path, ".config", "wirebound", "config.toml");
      await Bun.write(path, "[monitor]\nby = 'user'\n");
      await chmod(path, 0o600);
      const by = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const { stderr, stdout, code } = await runWb(["monitor", "--demo", "--csv"], { home: home.path, by });
      expect(stderr).toBe(
        `wb: warning: cannot read the configuration ${path}: permission denied; going on without it\n`,
      );
      expect([stdout.startsWith("id,pid,"), code]).toEqual([true, 0]);
    },
  );
});

describe("what is made from the commands", () => {
  testWith(["binary"], "completions, man page and documents come from the binary too", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stderr, stdout, code } = await runWb(["completions", shell]);
      expect([shell, stderr, code, stdout.includes("--interval") || stdout.includes("-l interval")]).toEqual([
        shell,
        "",
        0,
        true,
      ]);
    }
    const page = await runWb(["man"]);
    expect([page.stderr, page.code]).toEqual(["", 0]);
    expect(page.stdout).toBe(await Bun.file(new URL("../../docs/wb.1", import.meta.url)).text());
    expect((await runWb(["--help"])).stdout).not.toContain("man page");
  });
});

describe("headless", () => {
  testWith(["binary"], "records until SIGTERM, says so in lines, and exits 0", async () => {
    await using home = await tmpdir();
    const child = Bun.spawn([BINARY_PATH, "monitor", "--headless", "--no-dns", "--interval", "100ms"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...wbEnvironment({ home: home.path }), JOURNAL_STREAM: "1:2" },
    });
    const path = join(home.path, ".local/state/wirebound/history.db");
    let stderr = "";
    for await (const chunk of child.stderr) {
      stderr += new TextDecoder().decode(chunk);
      if (stderr.includes("captured by ")) child.kill("SIGTERM");
    }
    const [stdout, code] = await Promise.all([child.stdout.text(), child.exited]);
    const lines = stderr.trimEnd().split("\n");
    expect(lines[0]).toBe(`<6>recording to ${path}, a sample every 100 ms`);
    expect(lines[1]).toStartWith("<6>captured by ");
    expect(lines.at(-1)).toMatch(/^<6>stopped after \d+ samples; what was seen is written$/);
    expect([stdout, code]).toEqual(["", 0]);
  });
});

describe("surroundings that are missing", () => {
  // Bun itself can't start without /proc/self; so here the program sees nothing of /proc but itself.
  testWith(["binary", "root", "program:unshare"], "a /proc with nobody else in it", async () => {
    await using directory = await tmpdir();
    const hide = `set -e; cd '${directory.path}'; mount -t tmpfs none .; cd '${directory.path}'; mkdir $$
      mount --bind /proc/$$ $$; ln -s $$ self; mount --rbind . /proc; exec "$@"`;
    using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { stderr, stdout, code } = await runWb(["monitor", "--once", "--json"], {
      by: ["unshare", "--mount", "sh", "-c", hide, "sh"],
    });
    expect([stderr, code]).toEqual(["", 0]);
    const { rows } = JSON.parse(stdout) as {
      rows: { localPort: number; pid: number | null; state: string }[];
    };
    expect(rows.filter((row) => row.localPort === server.port).map((row) => [row.pid, row.state])).toEqual([
      [null, "listen"],
    ]);
  });

  testWith(["binary"], "a home that can't be written: one warning, and the monitor goes on", async () => {
    const { stderr, stdout, code } = await runWb(
      ["monitor", "--duration", "300ms", "--interval", "100ms", "--json", "--no-dns"],
      {
        home: "/proc/nowhere",
      },
    );
    expect(stderr.split("\n").filter((line) => line.startsWith("wb: warning: "))).toHaveLength(1);
    expect(stderr).toContain("history");
    expect([JSON.parse(stdout) instanceof Object, code]).toEqual([true, 0]);
  });

  testWith(
    ["binary", "program:script"],
    "a terminal of 40 columns is told how large it must be",
    async () => {
      await using directory = await tmpdir();
      const log = join(directory.path, "typescript");
      const command = `stty cols 40 rows 10; exec ${BINARY_PATH} monitor --demo`;
      const child = Bun.spawn(["script", "-qfec", command, log], {
        stdin: "pipe",
        stdout: "ignore",
        stderr: "ignore",
        env: { ...wbEnvironment(), TERM: "xterm-256color" },
      });
      await waitFor("the size that is needed", async () => {
        const shown = (await Bun.file(log).exists()) ? await Bun.file(log).text() : "";
        return shown.includes("60") && shown.includes("15");
      });
      await child.stdin.write("q");
      await child.stdin.flush();
      expect(await child.exited).toBe(0);
    },
  );
});
