/** Whole sessions at the screen: choosing, sorting, pausing, freezing, filtering, folding, clicking. */
import { describe, expect, test } from "bun:test";
import { frameText } from "../../../src/tui/line.ts";
import {
  appOf,
  flowOf,
  keyOf,
  lineWith,
  press,
  processOf,
  screenOf,
  smallQuery,
  START_MS,
  snapshotOf,
} from "./fixtures.ts";
import type { Flow, Snapshot } from "../../../src/model/snapshot.ts";

/** Flows a, b, c of three processes, the first the busiest. */
function three(rates: readonly [number, number, number] = [300, 200, 100]): Flow[] {
  return ["alpha", "beta", "gamma"].map((name, index) =>
    flowOf(name, {
      process: processOf(name, 100 + index),
      receiveBytesPerSecond: rates[index] ?? 0,
      bytesSent: index * 1000,
    }),
  );
}

/** Names of the processes from the top of the table. */
function order(app: ReturnType<typeof appOf>): string[] {
  return frameText(app.frame()).flatMap((line) => /(alpha|beta|gamma|delta)/.exec(line)?.[1] ?? []);
}

describe("choosing a row", () => {
  test("follows its identity when the order changes", () => {
    const app = appOf(snapshotOf(three()));
    press(app, "down");
    expect(lineWith(app, "›")).toContain("beta");
    app.ingest(snapshotOf(three([100, 50, 900])));
    expect(order(app)).toEqual(["gamma", "alpha", "beta"]);
    expect(lineWith(app, "›")).toContain("beta");
  });

  test("stays at its place when the row goes away", () => {
    const app = appOf(snapshotOf(three()));
    press(app, "down");
    app.ingest(snapshotOf(three().filter((flow) => flow.id !== "beta")));
    expect(lineWith(app, "›")).toContain("gamma");
    app.ingest(snapshotOf(three()));
    expect(lineWith(app, "›")).toContain("gamma");
  });

  test("marks the first row until one was chosen, and again after Esc", () => {
    const app = appOf(snapshotOf(three()));
    app.ingest(snapshotOf(three([1, 2, 3])));
    expect(lineWith(app, "›")).toContain("gamma");
    press(app, "down", "escape");
    app.ingest(snapshotOf(three([3, 2, 1])));
    expect(lineWith(app, "›")).toContain("alpha");
  });

  test("scrolls to the end and back", () => {
    const flows = Array.from({ length: 100 }, (_, index) =>
      flowOf(`flow${index}`, {
        process: processOf(`p${index}x`, index + 2),
        receiveBytesPerSecond: 1000 - index,
      }),
    );
    const app = appOf(snapshotOf(flows));
    press(app, "end");
    expect(lineWith(app, "›")).toContain("p99x");
    expect(screenOf(app)).toContain("100/100");
    press(app, "pageup");
    expect(lineWith(app, "›")).toContain("p82x");
    press(app, "home");
    expect(lineWith(app, "›")).toContain("p0x");
    expect(screenOf(app)).not.toContain("p99x");
  });
});

describe("sorting", () => {
  test("goes through the visible columns and back to the busiest", () => {
    const app = appOf(snapshotOf(three()), { columnsOf: () => ["bytesSent", "receiveBytesPerSecond"] });
    press(app, ">");
    expect(app.state.views.connections.sort).toEqual({ column: "receiveBytesPerSecond", descending: true });
    press(app, ">");
    expect(lineWith(app, "PROCESS")).toContain("▼SENT");
    expect(order(app)).toEqual(["gamma", "beta", "alpha"]);
    press(app, "r");
    expect(lineWith(app, "PROCESS")).toContain("▲SENT");
    expect(order(app)).toEqual(["alpha", "beta", "gamma"]);
    press(app, ">");
    expect(app.state.views.connections.sort).toBeUndefined();
    press(app, "<");
    expect(app.state.views.connections.sort?.column).toBe("bytesSent");
  });

  test("a click on a title sorts by it, a second one turns it around", () => {
    const app = appOf(snapshotOf(three()));
    const lines = frameText(app.frame());
    const y = lines.findIndex((line) => line.includes("PROCESS"));
    const x = lines[y]?.indexOf("SENT") ?? -1;
    app.click(x, y);
    expect(app.state.views.connections.sort).toEqual({ column: "bytesSent", descending: true });
    app.click(x, y);
    expect(app.state.views.connections.sort).toEqual({ column: "bytesSent", descending: false });
  });
});

describe("pausing and freezing", () => {
  test("a paused screen stands still, and goes on with the latest", () => {
    const app = appOf(snapshotOf(three()));
    press(app, "p");
    expect(screenOf(app)).toContain("PAUSED");
    expect(app.ingest(snapshotOf(three([1, 2, 3])))).toBe(false);
    expect(order(app)).toEqual(["alpha", "beta", "gamma"]);
    press(app, "p");
    expect(order(app)).toEqual(["gamma", "beta", "alpha"]);
  });

  test("a frozen order holds while numbers go on; new rows come at the end and return to their places", () => {
    const app = appOf(snapshotOf(three()));
    press(app, "f");
    const delta = flowOf("delta", { process: processOf("delta", 999), receiveBytesPerSecond: 9000 });
    app.ingest(snapshotOf([delta, ...three([1, 2, 3])]));
    expect(order(app)).toEqual(["alpha", "beta", "gamma", "delta"]);
    app.ingest(snapshotOf([delta, ...three([1, 2, 3]).slice(1)]));
    expect(order(app)).toEqual(["beta", "gamma", "delta"]);
    app.ingest(snapshotOf([delta, ...three([1, 2, 3])]));
    expect(order(app)).toEqual(["alpha", "beta", "gamma", "delta"]);
    press(app, "f");
    expect(order(app)).toEqual(["delta", "gamma", "beta", "alpha"]);
  });
});

describe("filtering", () => {
  test("is live, is kept by ↵ and cleared by Esc", () => {
    const app = appOf(snapshotOf(three()));
    press(app, "/", "type be");
    expect(order(app)).toEqual(["beta"]);
    expect(app.frame().cursor).toEqual({ x: 5, y: 23 });
    press(app, "return");
    expect(screenOf(app)).toContain("/be 1 match");
    expect(app.frame().cursor).toBeUndefined();
    press(app, "escape");
    expect(order(app)).toEqual(["alpha", "beta", "gamma"]);
  });

  test("an error is shown, and the last good filter stays in force", () => {
    const parseFilter = (text: string): string | undefined => (text.endsWith("!") ? "no ! here" : undefined);
    const app = appOf(snapshotOf(three()), { parseFilter });
    press(app, "/", "type gam!");
    expect(screenOf(app)).toContain("no ! here");
    expect(order(app)).toEqual(["gamma"]);
  });

  test("a query that refuses is told where the rows would be", () => {
    const app = appOf(snapshotOf(three()));
    press(app, "/", "type throw");
    expect(screenOf(app)).toContain("no such filter");
  });

  test("pasting goes into the filter, and nowhere else", () => {
    const app = appOf(snapshotOf(three()));
    expect(app.paste("qqq")).toBe(false);
    press(app, "/");
    expect(app.paste("alp\n")).toBe(true);
    expect(order(app)).toEqual(["alpha"]);
  });
});

describe("folding", () => {
  const flows = [
    flowOf("1", { process: processOf("alpha", 1), receiveBytesPerSecond: 10 }),
    flowOf("2", {
      process: processOf("beta", 2),
      receiveBytesPerSecond: 50,
      bytesSent: 700,
      bytesReceived: 7,
    }),
    flowOf("3", { process: processOf("alpha", 1), receiveBytesPerSecond: 45, uncertaintyBytes: 1 }),
  ];

  test("heads carry their sums and the worst certainty, the busiest first", () => {
    const app = appOf(snapshotOf(flows));
    press(app, "g");
    const rows = frameText(app.frame())
      .slice(5, 10)
      .map((line) => line.slice(1).trimEnd());
    expect(rows[0]).toBe("▾ alpha (1) · 2 connections                0 B      55 B   ~1.95 KiB ~3.91 KiB");
    expect(rows[3]).toBe("▾ beta (2) · 1 connection                  0 B      50 B     700 B       7 B");
  });

  test("← closes the fold that the row is in, → opens it", () => {
    const app = appOf(snapshotOf(flows));
    press(app, "g", "down", "left");
    expect(screenOf(app)).toContain("▸ alpha (1)");
    expect(order(app)).toEqual(["alpha", "beta", "beta"]);
    press(app, "home", "right");
    expect(order(app)).toEqual(["alpha", "alpha", "alpha", "beta", "beta"]);
  });
});

describe("the mouse", () => {
  test("chooses a row, and opens it when it is clicked again", () => {
    const app = appOf(snapshotOf(three()));
    const y = frameText(app.frame()).findIndex((line) => line.includes("beta"));
    app.click(10, y);
    expect(lineWith(app, "›")).toContain("beta");
    expect(app.state.detail).toBe(false);
    app.click(10, y);
    expect(screenOf(app)).toContain("DETAIL");
  });

  test("chooses tabs and keys of the footer", () => {
    const app = appOf(snapshotOf(three()));
    const lines = frameText(app.frame());
    const tabs = lines.findIndex((line) => line.includes("2 Processes"));
    app.click((lines[tabs] ?? "").indexOf("Processes"), tabs);
    expect(app.state.view).toBe("processes");
    app.click(1, 23);
    expect(app.state.overlay).toBe("help");
  });

  test("its wheel moves along the rows", () => {
    const app = appOf(snapshotOf(three()));
    app.wheel("down");
    expect(lineWith(app, "›")).toContain("gamma");
    app.wheel("up");
    expect(lineWith(app, "›")).toContain("alpha");
  });

  test("a click beside everything does nothing", () => {
    expect(appOf(snapshotOf(three())).click(500, 500)).toBe(false);
  });
});

describe("notices", () => {
  const degradation = {
    code: "udp_bytes",
    message: "UDP is not counted.",
    remedy: "Run it as root.",
  } as const;
  const base = snapshotOf(three());
  const degraded = snapshotOf(three(), { capture: { ...base.capture, degradations: [degradation] } });

  test("are shown with their remedy, the program's own first, and put away one by one", () => {
    const app = appOf(degraded, { notice: () => "history is off: the disk is full" });
    expect(screenOf(app)).toContain("! history is off: the disk is full");
    expect(screenOf(app)).toContain("! all 2");
    press(app, "x");
    expect(screenOf(app)).toContain("! UDP is not counted. Run it as root.");
    press(app, "x");
    expect(screenOf(app)).not.toContain("UDP is not counted");
    press(app, "!");
    expect(screenOf(app)).toContain("Run it as root.");
  });

  test("the helper's going is told at once, its coming back for ten seconds, and its next going anew", () => {
    const helper = { ...base.capture.capabilities, bytes: "all", processes: "all" } as const;
    const counting = { method: "ebpf_tracepoint", capabilities: helper, degradations: [] } as const;
    const gone = {
      ...base.capture,
      degradations: [
        { code: "helper_gone", message: "The elevated helper is gone.", remedy: "Start it." },
      ] as const,
    };
    const at = (seconds: number, capture: Snapshot["capture"]): Snapshot => ({
      ...base,
      sampledAtMs: START_MS + seconds * 1000,
      capture,
    });
    const app = appOf(at(1, counting));
    expect(lineWith(app, "WireBound")).toContain("eBPF (tracepoints)  3 connections");
    expect(screenOf(app)).not.toContain("helper");
    app.ingest(at(2, gone));
    expect(lineWith(app, "helper")).toContain(" ! The elevated helper is gone. Start it.");
    expect(lineWith(app, "WireBound")).toContain("sock_diag");
    press(app, "x");
    expect(screenOf(app)).not.toContain("helper");
    app.ingest(at(3, gone));
    expect(screenOf(app)).not.toContain("helper");
    app.ingest(at(4, counting));
    expect(lineWith(app, "helper")).toContain("● The elevated helper is back: everything is counted again.");
    app.ingest(at(13, counting));
    expect(screenOf(app)).toContain("is back");
    app.ingest(at(14, counting));
    expect(screenOf(app)).not.toContain("helper");
    app.ingest(at(15, gone)); // it was put away when it was gone the last time
    expect(screenOf(app)).toContain("The elevated helper is gone.");
    press(app, "!");
    expect(screenOf(app)).toContain("! The elevated helper is gone.");
  });

  test("loss is on every screen", () => {
    const loss = [{ cause: "netlink_overflow", count: 3, bytes: undefined } as const];
    for (const size of [
      [60, 15],
      [80, 24],
      [200, 50],
    ] as const) {
      expect(screenOf(appOf(degraded, {}, size))).toContain("lost: 0");
      expect(screenOf(appOf({ ...degraded, loss }, {}, size))).toContain("lost: 3");
    }
  });
});

test("nothing that a process or a host is called can steer the terminal or tear the table", () => {
  const evil = "\u001b[2J\u001b]0;owned\u0007\u202e\nx";
  const names = [
    evil,
    "漢字漢字漢字漢字漢字漢字漢字",
    "🚀".repeat(40),
    "",
    "x".repeat(100_000),
    "e\u0301\u0301\u0301",
  ];
  const flows = names.map((name, index) =>
    flowOf(`${index}`, {
      process: processOf(name, index + 1, { path: evil, commandLine: [evil, "", "a b"], userName: evil }),
      userName: evil,
      service: evil,
      remoteHost: { name: name === "" ? evil : name, source: "ptr" },
      receiveBytesPerSecond: 100 - index,
    }),
  );
  for (const [width, height] of [
    [60, 15],
    [80, 24],
    [133, 40],
    [200, 50],
  ] as const) {
    const app = appOf(snapshotOf(flows), { notice: () => evil }, [width, height]);
    for (const keys of [
      [],
      ["return"],
      ["down"],
      ["down"],
      ["escape", "g"],
      ["!"],
      ["escape", "/", "type \u001b[2J"],
    ]) {
      press(app, ...keys);
      const lines = frameText(app.frame());
      expect(lines.length).toBe(height);
      for (const line of lines) {
        expect(Bun.stringWidth(line)).toBe(width);
        // eslint-disable-next-line no-control-regex -- control characters are what this is about
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      }
    }
  }
});

test("a thousand rows cost no more cells than the screen has lines", () => {
  let asked = 0;
  const flows = Array.from({ length: 1000 }, (_, index) => {
    const flow = flowOf(`${index}`, { receiveBytesPerSecond: index });
    // The service's column is on a wide screen, and asked for by nothing but a cell.
    return Object.defineProperty({ ...flow }, "service", {
      get: () => ((asked += 1), "https"),
      enumerable: true,
    });
  });
  const app = appOf(snapshotOf(flows), {}, [250, 50]);
  asked = 0;
  app.ingest(snapshotOf(flows));
  app.frame();
  expect(asked).toBeGreaterThan(30);
  expect(asked).toBeLessThan(60);
});

test("the query is asked once per snapshot and choice, not per key", () => {
  let asked = 0;
  const app = appOf(snapshotOf(three()), {
    query: (snapshot, question) => {
      asked += 1;
      return smallQuery(snapshot, question);
    },
  });
  app.frame();
  press(app, "down", "down", "return", "?", "escape");
  app.frame();
  expect(asked).toBe(1);
  app.key(keyOf("r"));
  press(app, ">");
  app.frame();
  expect(asked).toBe(2);
});
