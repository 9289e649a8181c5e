/** The screen of the compiled binary, driven in a real terminal: every view and key, three sizes, every way out. */
import { describe, expect } from "bun:test";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { wbEnvironment } from "../support/run-wb.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { TmuxTerminal } from "../support/tmux.ts";
import { waitFor } from "../support/wait-for.ts";

const NEEDS = ["binary", "program:tmux"] as const;

interface Screen extends AsyncDisposable {
  readonly terminal: TmuxTerminal;
  /** Pid of the program. */
  readonly pid: number;
}

/** Runs a command line in a terminal, and waits for its first screen. */
async function openScreen(
  commandLine: string,
  {
    width = 80,
    height = 24,
    env = {},
  }: { width?: number; height?: number; env?: Record<string, string> } = {},
): Promise<Screen> {
  const stack = new AsyncDisposableStack();
  const home = stack.use(await tmpdir());
  const terminal = stack.use(
    await TmuxTerminal.open({
      width,
      height,
      env: { ...wbEnvironment({ home: home.path }), TERM: "xterm-256color", ...env },
    }),
  );
  await terminal.type(`${commandLine}; echo "ended with $?"`);
  await terminal.keys("Enter");
  await terminal.waitForText("? help");
  return { terminal, pid: await terminal.childPid(), [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const DEMO = `${BINARY_PATH} monitor --demo`;

/** The terminal is the shell's again: no alternate screen, a cursor, no mouse, echo, and the shell answers. */
async function expectRestored(terminal: TmuxTerminal, code: number): Promise<void> {
  await terminal.waitForText(`ended with ${code}`);
  expect(await terminal.modes()).toEqual({ alternateScreen: "0", cursor: "1", mouse: "0" });
  await terminal.type("clear; stty -a");
  await terminal.keys("Enter");
  const settings = (await terminal.waitForText("icanon")).join(" ").split(/[\s;]+/);
  for (const setting of ["echo", "icanon", "isig", "icrnl", "opost"]) expect(settings).toContain(setting);
}

describe("what the screen can't do without", () => {
  testWith(NEEDS, "a directory for its drawing library is named where it is missing", async () => {
    await using home = await tmpdir();
    const env = { ...wbEnvironment({ home: home.path }), TERM: "xterm-256color", TMPDIR: "/nonexistent" };
    await using terminal = await TmuxTerminal.open({ width: 100, height: 24, env });
    await terminal.type(`${DEMO}; echo "ended with $?"`);
    await terminal.keys("Enter");
    await terminal.waitForText("ended with 1");
    const text = (await terminal.waitForText("hint:")).join("\n");
    expect(text).toContain(
      "wb: the screen can't be opened: its drawing library can't be unpacked to /nonexistent",
    );
    expect(text).not.toContain("a defect of wb");
  });
});

/** What each view has and no other. */
const VIEW_SIGNS: readonly (readonly [string, RegExp])[] = [
  ["2", /^ {3}PROCESS +PID/],
  ["3", /^ {3}ADDRESS/],
  ["4", /^ {3}HOST/],
  ["5", /WHERE THE BYTES WENT/],
  ["6", /^ {3}USER/],
  ["7", /^ {3}PORT/],
  ["1", /^ {3}PROCESS +(?:PID USER +PROT STATE +LOCAL +)?REMOTE/],
];

async function expectEveryView(terminal: TmuxTerminal): Promise<void> {
  for (const [key, sign] of VIEW_SIGNS) {
    await terminal.keys(key);
    await terminal.waitForScreen(`view ${key}`, (lines) => lines.some((line) => sign.test(line)));
  }
  await terminal.keys("Tab");
  await terminal.waitForScreen("the view after Tab", (lines) =>
    lines.some((line) => /^ {3}PROCESS +PID/.test(line)),
  );
  await terminal.keys("BTab");
  await terminal.waitForScreen("the view before", (lines) => lines.some((line) => /REMOTE/.test(line)));
}

/** Rows of the table: those that begin with the mark of the chosen row or a space, and a state's sign. */
function rowsOf(lines: readonly string[]): string[] {
  return lines.filter((line) => /^[ ›][●○◌×▾▸] /u.test(line));
}

async function expectFilter(terminal: TmuxTerminal): Promise<void> {
  await terminal.keys("/");
  await terminal.waitForText("Esc clear");
  await terminal.type("process:firefox state:established");
  const onlyFirefox = (lines: readonly string[]): boolean =>
    rowsOf(lines).length > 0 && rowsOf(lines).every((line) => line.slice(3).startsWith("firefox"));
  await terminal.waitForScreen("rows of firefox only, while it is typed", onlyFirefox);
  await terminal.keys("Enter");
  await terminal.waitForScreen(
    "the filter kept",
    (lines) => onlyFirefox(lines) && (lines.at(-1) ?? "").includes("clear filter"),
  );
  await terminal.keys("/");
  await terminal.waitForText("Esc clear");
  await terminal.type(" nokey:x");
  await terminal.waitForText("there is no key");
  await terminal.keys("Escape");
  await terminal.waitForScreen("the rows of others again", (lines) =>
    rowsOf(lines).some((line) => line.includes("apt")),
  );
}

async function expectSortDetailAndPause(terminal: TmuxTerminal): Promise<void> {
  await terminal.keys(">");
  await terminal.waitForText("PROCESS▲");
  await terminal.keys("r");
  await terminal.waitForText("PROCESS▼");
  await terminal.keys("<");
  await terminal.waitForText("<> busiest");
  await terminal.keys("Down", "Enter");
  const detail = await terminal.waitForText("DETAIL");
  expect(detail.join("\n")).toMatch(/TCP to \d|UDP to \d/);
  await terminal.keys("Escape");
  await terminal.waitForScreen(
    "the details closed",
    (lines) => !lines.some((line) => line.includes("DETAIL")),
  );
  await terminal.keys("p");
  await terminal.waitForText("PAUSED");
  let paused = "";
  await waitFor("a whole frame, and not a part of one", async () => {
    const before = paused;
    paused = (await terminal.screen()).join("\n");
    return paused === before;
  });
  const end = performance.now() + 2200;
  await waitFor("two samples to pass", async () => {
    expect((await terminal.screen()).join("\n")).toBe(paused);
    return performance.now() > end;
  });
  await terminal.keys("p");
  await terminal.waitForScreen(
    "the screen to go on",
    (lines) => !lines.some((line) => line.includes("PAUSED")),
  );
}

async function expectHelp(terminal: TmuxTerminal): Promise<void> {
  await terminal.keys("?");
  await terminal.waitForText("KEYS");
  await terminal.keys("End");
  await terminal.waitForText("Rates are averages");
  await terminal.keys("Escape");
  // An escape that is followed by a key at once would be one key with Alt.
  await terminal.waitForText("REMOTE");
  await terminal.keys("!");
  await terminal.waitForText("HOW THE FACTS ARE GAINED");
  await terminal.keys("Escape");
  await terminal.waitForText("REMOTE");
}

for (const [width, height] of [
  [60, 15],
  [80, 24],
  [200, 50],
] as const) {
  testWith(NEEDS, `at ${width}×${height}: every view, filter, sort, detail, pause, help, quit`, async () => {
    await using screen = await openScreen(DEMO, { width, height });
    const { terminal } = screen;
    expect(await terminal.modes()).toEqual({ alternateScreen: "1", cursor: "0", mouse: "1" });
    await expectEveryView(terminal);
    await expectFilter(terminal);
    await expectSortDetailAndPause(terminal);
    await expectHelp(terminal);
    await terminal.keys("q");
    await expectRestored(terminal, 0);
  });
}

describe("every way out hands the terminal back:", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    testWith(NEEDS, signal, async () => {
      await using screen = await openScreen(DEMO);
      process.kill(screen.pid, signal);
      await screen.terminal.waitForText("ended with ");
      expect(await screen.terminal.modes()).toEqual({ alternateScreen: "0", cursor: "1", mouse: "0" });
    });
  }

  testWith(NEEDS, "Ctrl-C", async () => {
    await using screen = await openScreen(DEMO);
    await screen.terminal.keys("C-c");
    await expectRestored(screen.terminal, 0);
  });

  testWith(["program:tmux"], "a crash, which is told", async () => {
    const script = new URL("../support/crashing-screen.ts", import.meta.url).pathname;
    await using screen = await openScreen(`${process.execPath} ${script}`);
    await screen.terminal.keys("j");
    await screen.terminal.waitForText("the screen crashed: a defect of ours");
    await expectRestored(screen.terminal, 1);
  });

  testWith(NEEDS, "Ctrl-Z, and fg brings the screen back", async () => {
    await using screen = await openScreen(DEMO);
    const { terminal } = screen;
    await terminal.keys("C-z");
    await terminal.waitForText("Stopped");
    expect(await terminal.modes()).toEqual({ alternateScreen: "0", cursor: "1", mouse: "0" });
    await terminal.type('fg; echo "ended with $?"');
    await terminal.keys("Enter");
    await terminal.waitForText("1 Connections");
    expect(await terminal.modes()).toEqual({ alternateScreen: "1", cursor: "0", mouse: "1" });
    await terminal.keys("2");
    await terminal.waitForScreen("the view of processes", (lines) =>
      lines.some((line) => /PROCESS +PID/.test(line)),
    );
    await terminal.keys("q");
    await expectRestored(terminal, 0);
  });
});

testWith(
  NEEDS,
  "a terminal that becomes too small says so, and the table returns when it grows",
  async () => {
    await using screen = await openScreen(DEMO);
    const { terminal } = screen;
    await terminal.resize(50, 12);
    await terminal.waitForText("terminal too small: 60×15 needed");
    await terminal.resize(132, 30);
    await terminal.waitForScreen("a wide table", (lines) =>
      lines.some((line) => /REMOTE.*SERVICE|STATE.*REMOTE/.test(line)),
    );
  },
);

testWith(NEEDS, "the mouse chooses views and opens rows", async () => {
  await using screen = await openScreen(DEMO);
  const { terminal } = screen;
  const lines = await terminal.screen();
  const y = lines.findIndex((line) => line.includes("2 Processes"));
  await terminal.click((lines[y] ?? "").indexOf("Processes"), y);
  await terminal.waitForScreen("the view of processes", (now) =>
    now.some((line) => /PROCESS +PID/.test(line)),
  );
  await terminal.keys("p");
  await terminal.waitForText("PAUSED");
  await terminal.click(10, y + 3);
  await terminal.waitForScreen("the second row chosen", (now) => (now[y + 3] ?? "").startsWith("›"));
  await terminal.click(10, y + 3);
  await terminal.waitForText("DETAIL");
});

describe("colour", () => {
  testWith(NEEDS, "there is none with NO_COLOR", async () => {
    await using screen = await openScreen(DEMO, { env: { NO_COLOR: "1", COLORFGBG: "15;0" } });
    const colours = await screen.terminal.colours();
    expect(colours).toContain("\u001b[7m");
    // eslint-disable-next-line no-control-regex -- escape sequences are what this is about
    expect(colours).not.toMatch(/\u001b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7])[;m]/);
  });

  testWith(NEEDS, "it follows the terminal's background", async () => {
    await using light = await openScreen(DEMO, { env: { COLORFGBG: "0;15" } });
    expect(await light.terminal.colours()).toContain("48;5;195");
    await using dark = await openScreen(DEMO, { env: { COLORFGBG: "15;0" } });
    expect(await dark.terminal.colours()).toContain("48;5;237");
  });
});

testWith(NEEDS, "this machine's own connections are shown, with the process that holds them", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  using client = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: { data: () => undefined },
  });
  await using screen = await openScreen(
    `${BINARY_PATH} monitor --no-history --no-dns --filter "local:${client.localPort} state:established"`,
    {
      width: 200,
      height: 50,
    },
  );
  const lines = await screen.terminal.waitForScreen("the connection", (now) => rowsOf(now).length > 0);
  expect(rowsOf(lines).length).toBe(1);
  expect(rowsOf(lines)[0]).toContain(` ${process.pid} `);
  expect(rowsOf(lines)[0]).toContain(`127.0.0.1:${client.localPort}`);
});
