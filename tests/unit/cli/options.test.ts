/** What `wb monitor` understands of flags, variables and the configuration file, and how it refuses the rest. */
import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lineOfKey, loadConfiguration, parseConfiguration } from "../../../src/cli/config.ts";
import { TEXT_COLUMNS } from "../../../src/cli/parse.ts";
import { CONNECTION_FIELDS } from "../../../src/cli/print/connection-fields.ts";
import { GROUP_FIELDS } from "../../../src/cli/print/group-fields.ts";
import { INTERFACE_FIELDS } from "../../../src/cli/print/interface-fields.ts";
import { COLUMNS } from "../../../src/engine/query.ts";
import { monitorOptions, type MonitorFlags, type MonitorOptions } from "../../../src/cli/monitor-options.ts";
import { WbError } from "../../../src/model/errors.ts";
import { tmpdir } from "../../support/tmpdir.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const NOWHERE = { XDG_CONFIG_HOME: "/nonexistent/wb" };

function options(
  flags: Partial<MonitorFlags>,
  env: Environment = {},
  terminal = false,
): Promise<MonitorOptions> {
  return monitorOptions(
    { dns: true, history: true, helper: true, ...flags },
    { env: { ...NOWHERE, ...env }, terminal },
  );
}

async function refusal(promise: Promise<unknown>): Promise<[string, string, string | undefined]> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof WbError) return [error.code, error.message, error.hint];
    throw error;
  }
  throw new Error("it was not refused");
}

describe("the form", () => {
  test("a terminal gets the screen, a pipe one table, and flags decide before both", async () => {
    expect([(await options({}, {}, true)).form, (await options({}, {}, true)).once]).toEqual([
      "screen",
      false,
    ]);
    expect([(await options({})).form, (await options({})).once]).toEqual(["table", true]);
    expect([(await options({ once: true }, {}, true)).form, (await options({ once: true })).once]).toEqual([
      "table",
      true,
    ]);
    expect([(await options({ json: true }, {}, true)).form, (await options({ json: true })).once]).toEqual([
      "json",
      true,
    ]);
    expect([(await options({ jsonl: true })).form, (await options({ jsonl: true })).once]).toEqual([
      "jsonl",
      false,
    ]);
    expect([
      (await options({ json: true, duration: "10s" })).durationMs,
      (await options({ json: true, duration: "10s" })).once,
    ]).toEqual([10_000, false]);
    expect([(await options({ headless: true })).form, (await options({ headless: true })).once]).toEqual([
      "headless",
      false,
    ]);
  });

  test("flags that exclude each other are refused", async () => {
    expect(await refusal(options({ json: true, csv: true }))).toEqual([
      "usage",
      "--json and --csv exclude each other",
      "choose one of them",
    ]);
    expect((await refusal(options({ once: true, duration: "1s" })))[1]).toBe(
      "--once and --duration exclude each other",
    );
    expect((await refusal(options({ headless: true, filter: "x" })))[1]).toBe(
      "--filter means nothing with --headless, which records everything",
    );
    expect((await refusal(options({ headless: true, history: false })))[1]).toBe(
      "--headless records history, which is turned off",
    );
    expect((await refusal(options({ headless: true }, { WB_NO_HISTORY: "1" })))[0]).toBe("usage");
    expect((await refusal(options({ headless: true, demo: true })))[1]).toBe(
      "--demo and --headless exclude each other",
    );
    expect((await refusal(options({ headless: true, once: true })))[1]).toBe(
      "--once and --headless exclude each other",
    );
  });

  test("--tui without a terminal is a terminal error", async () => {
    const [code, message] = await refusal(options({ tui: true }));
    expect([code, message]).toEqual(["terminal", "there is no terminal to show the screen on"]);
    expect((await options({ tui: true }, {}, true)).form).toBe("screen");
  });

  test("a terminal that can't place its cursor gets a table", async () => {
    expect((await options({}, { TERM: "dumb" }, true)).form).toBe("table");
    expect(await refusal(options({ tui: true }, { TERM: "dumb" }, true))).toEqual([
      "terminal",
      "this terminal can't show the screen (TERM is dumb)",
      "set TERM to what the terminal is, or leave out --tui for a table",
    ]);
  });
});

describe("the elevated helper", () => {
  const use = async (flags: Partial<MonitorFlags>, env: Environment = {}): Promise<string> =>
    (await options(flags, env)).helper.use;

  test("a service is used where it is, unless it is refused; one is started only where that is asked for", async () => {
    expect(await use({})).toBe("service");
    expect(await use({ helper: false })).toBe("none");
    expect(await use({}, { WB_NO_HELPER: "1" })).toBe("none");
    expect(await use({ elevate: true })).toBe("launched");
    expect(await use({}, { WB_ELEVATE: "1" })).toBe("launched");
    expect(await use({}, { WB_ELEVATE: "0" })).toBe("service");
  });

  test("a flag wins over what a variable or the file says", async () => {
    expect(await use({ elevate: true }, { WB_NO_HELPER: "1" })).toBe("launched");
    expect(await use({ helper: false }, { WB_ELEVATE: "1" })).toBe("none");
    await using directory = await tmpdir();
    const config = join(directory.path, "config.toml");
    await writeFile(config, '[monitor]\nelevate = true\nhelper-socket = "/run/x.sock"\n');
    const made = await options({ config }, { WB_HELPER_SECRET_FILE: "/run/x.secret" });
    expect(made.helper).toEqual({ use: "launched", socketPath: "/run/x.sock", secretPath: "/run/x.secret" });
    expect(await use({ config, helper: false })).toBe("none");
    await writeFile(config, "[monitor]\nhelper = false\n");
    expect(await use({ config })).toBe("none");
  });

  test("flags that say opposite things are refused", async () => {
    expect(await refusal(options({ elevate: true, helper: false }))).toEqual([
      "usage",
      "--elevate and --no-helper exclude each other",
      "--elevate starts the helper that counts what really happens here",
    ]);
    expect((await refusal(options({ elevate: true, demo: true })))[1]).toBe(
      "--elevate and --demo exclude each other",
    );
  });
});

describe("values", () => {
  test("defaults", async () => {
    const made = await options({});
    expect([made.intervalMs, made.durationMs, made.dns, made.history, made.demo]).toEqual([
      1000,
      undefined,
      true,
      true,
      false,
    ]);
    expect(made.query).toEqual({ by: "connection", filter: "", sort: undefined, limit: undefined });
  });

  test("what is wrong is said with what is right", async () => {
    expect(await refusal(options({ interval: "0" }))).toEqual([
      "usage",
      '--interval: an interval must be between 100 ms and 1h 00m, not "0"',
      "see `wb monitor --help`",
    ]);
    expect((await refusal(options({ interval: "-1s" })))[1]).toBe('--interval: "-1s" is not an interval');
    expect((await refusal(options({ interval: "soon" })))[2]).toBe(
      "write it as 500ms, 2s, 1m or 1h; a bare number is seconds",
    );
    expect((await refusal(options({ duration: "-5s" })))[1]).toBe('--duration: "-5s" is not a duration');
    expect((await refusal(options({ duration: "0" })))[0]).toBe("usage");
    expect((await refusal(options({ duration: "9w" })))[0]).toBe("usage");
    expect((await refusal(options({ by: "proces" }))).slice(1)).toEqual([
      '--by: there is no grouping "proces"',
      'did you mean "process"?',
    ]);
    expect((await refusal(options({ by: "x" })))[2]).toBe(
      "there are connection, process, address, host, user, port, interface",
    );
    for (const limit of ["0", "-1", "1.5", "many", "1e3", "99999999"]) {
      expect((await refusal(options({ limit })))[1]).toBe(
        `--limit: a limit must be a whole number from 1 to 1000000, not "${limit}"`,
      );
    }
    for (const sort of ["", ":asc", "a:up", "a:asc:b"]) {
      expect((await refusal(options({ sort })))[1]).toBe(`--sort: "${sort}" is not a column to sort by`);
    }
    expect((await options({ sort: "bytesSent:asc" })).query.sort).toEqual({
      column: "bytesSent",
      descending: false,
    });
    expect((await options({ sort: "bytesSent" })).query.sort).toEqual({
      column: "bytesSent",
      descending: true,
    });
  });

  test("text sorts from A to Z, numbers from the largest", async () => {
    expect((await options({ sort: "processName" })).query.sort).toEqual({
      column: "processName",
      descending: false,
    });
    const fields = [...CONNECTION_FIELDS, ...GROUP_FIELDS, ...INTERFACE_FIELDS];
    const texts = fields
      .filter((field) => ["text", "word"].includes(field.type.kind))
      .map((field) => field.name);
    const sortable = new Set(Object.values(COLUMNS).flat());
    expect([...TEXT_COLUMNS].sort()).toEqual([...new Set(texts.filter((name) => sortable.has(name)))].sort());
  });

  test("flag before variable before file before default", async () => {
    await using directory = await tmpdir();
    const config = join(directory.path, "c.toml");
    await writeFile(
      config,
      '[monitor]\ninterval = "5s"\nby = "user"\nlimit = 7\ndns = false\n[history]\nkeep-hourly = "30d"\n',
    );
    const env = { WB_INTERVAL: "3s", WB_NO_HISTORY: "yes" };
    const made = await options({ config, interval: "2s" }, env);
    expect([made.intervalMs, made.query.by, made.query.limit, made.dns, made.history]).toEqual([
      2000,
      "user",
      7,
      false,
      false,
    ]);
    expect((await options({ config }, env)).intervalMs).toBe(3000);
    expect((await options({ config })).intervalMs).toBe(5000);
    expect((await options({})).intervalMs).toBe(1000);
    expect((await options({ config })).historySettings).toEqual({
      path: undefined,
      hourlyRetentionDays: 30,
      dailyRetentionDays: undefined,
    });
    expect((await options({ config }, { WB_NO_DNS: "0" })).dns).toBe(true);
    expect((await options({ dns: false }, { WB_NO_DNS: "0" })).dns).toBe(false);
    expect((await options({}, { WB_CONFIG: config })).query.by).toBe("user");
    expect((await options({}, { WB_INTERVAL: "" })).intervalMs).toBe(1000);
  });

  test("a wrong variable is a configuration error that names it", async () => {
    expect(await refusal(options({}, { WB_INTERVAL: "x" }))).toEqual([
      "config",
      'WB_INTERVAL: "x" is not an interval',
      "write it as 500ms, 2s, 1m or 1h; a bare number is seconds",
    ]);
    expect((await refusal(options({}, { WB_NO_DNS: "maybe" })))[1]).toBe(
      'WB_NO_DNS: "maybe" is neither yes nor no',
    );
  });
});

describe("the configuration file", () => {
  test("unknown settings and tables are told with their line and a suggestion", async () => {
    const wrong = (text: string): Promise<[string, string, string | undefined]> =>
      refusal(parseConfiguration(text, "c.toml"));
    expect(await wrong('[monitor]\n\nintervall = "1s"\n')).toEqual([
      "config",
      'c.toml:3: there is no setting "intervall" in [monitor]',
      'did you mean "interval"?',
    ]);
    expect(await wrong("[monitr]\n")).toEqual([
      "config",
      'c.toml:1: there is no setting "monitr"',
      'did you mean "monitor"?',
    ]);
    expect((await wrong("zebra = 1\n"))[2]).toBe("there are monitor, history, serve, agent");
    expect((await wrong('[monitor]\nlimit = "x"\n'))[1]).toStartWith("c.toml:2: monitor.limit: ");
    expect((await wrong("[monitor]\ndns = 1\n"))[1]).toStartWith("c.toml:2: monitor.dns: ");
    expect((await wrong("monitor = 3\n"))[1]).toStartWith("c.toml:1: monitor: ");
  });

  test("what is no TOML is told with its line", async () => {
    const wrong = (text: string): Promise<[string, string, string | undefined]> =>
      refusal(parseConfiguration(text, "c.toml"));
    expect((await wrong("[monitor]\ndns = true\nby =\n"))[1]).toStartWith("c.toml:3: not TOML: ");
    expect((await wrong("a = 1\n\u0000\n"))[1]).toStartWith("c.toml:2: not TOML: ");
  });

  test("a value that means nothing is told with its line", async () => {
    await using directory = await tmpdir();
    const config = join(directory.path, "c.toml");
    await writeFile(config, '\n[monitor]\nby = "planet"\n');
    expect((await refusal(options({ config })))[1]).toBe(`${config}:3: by: there is no grouping "planet"`);
  });

  test("a named file must be there; a usual one need not", async () => {
    expect(await refusal(options({ config: "/nonexistent/c.toml" }))).toEqual([
      "config",
      "cannot read the configuration /nonexistent/c.toml: there is no such file",
      "it is named by --config",
    ]);
    expect((await refusal(options({ config: "/tmp" })))[1]).toBe(
      "cannot read the configuration /tmp: it is a directory",
    );
    // Reading a device or a pipe could take for ever.
    expect((await refusal(options({ config: "/dev/zero" })))[1]).toBe(
      "cannot read the configuration /dev/zero: it is not a file",
    );
    expect((await refusal(options({}, { WB_CONFIG: "/nonexistent/c.toml" })))[2]).toBe(
      "it is named by WB_CONFIG",
    );
    expect((await loadConfiguration(undefined, NOWHERE)).values.size).toBe(0);
  });

  test("a usual one that can't be read is passed over with a warning; a wrong one is an error", async () => {
    await using directory = await tmpdir();
    const env = { XDG_CONFIG_HOME: directory.path };
    const path = join(directory.path, "wirebound", "config.toml");
    await Bun.write(path, new Uint8Array([0xff, 0xfe])); // not UTF-8: unreadable also for root
    const { warnings } = await loadConfiguration(undefined, env);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toStartWith(`cannot read the configuration ${path}: `);
    await Bun.write(path, "[monitor]\nby = 3\n");
    expect((await refusal(loadConfiguration(undefined, env)))[0]).toBe("config");
    await Bun.write(path, '[monitor]\nby = "user"\n');
    expect((await loadConfiguration(undefined, env)).path).toBe(path);
  });

  test("lines of keys", () => {
    const text = '# monitor = 1\n[history]\nby = 1\n[monitor]\n  "by" = 2\n';
    expect(lineOfKey(text, "monitor", "by")).toBe(5);
    expect(lineOfKey(text, "history", "by")).toBe(3);
    expect(lineOfKey(text, "", "monitor")).toBe(4);
    expect(lineOfKey(text, "monitor", "no")).toBeUndefined();
  });
});
