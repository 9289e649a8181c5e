/** The details say what each number means, how well it is known, and what is not known. */
import { describe, expect, test } from "bun:test";
import { detailLines } from "../../../src/tui/detail.ts";
import type { Flow, Snapshot } from "../../../src/model/snapshot.ts";
import { flowOf, processOf, snapshotOf, START_MS } from "./fixtures.ts";

function textOf(flow: Flow, snapshot: Snapshot = snapshotOf([flow])): string {
  return detailLines({ kind: "flow", id: flow.id, flow, indented: false }, snapshot, 100)
    .map((spans) =>
      spans
        .map((span) => span.text)
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

describe("bytes", () => {
  test("are exact, with what was there before wb told apart", () => {
    const text = textOf(flowOf("a", { bytesSent: 12_345_678, observedBytesSent: 678 }));
    expect(text).toContain("sent         12,345,678 B (11.8 MiB); 678 B of it seen by wb");
    expect(text).toContain("received     2,000 B (1.95 KiB)");
    expect(text).toContain("certainty    exact to the byte");
  });

  test("say by how much they are not", () => {
    expect(textOf(flowOf("a", { uncertaintyBytes: 1 }))).toContain("± 1 byte, both directions together");
    expect(textOf(flowOf("a", { uncertaintyBytes: undefined }))).toContain(
      "≥ at least: the last counters were not seen",
    );
    expect(textOf(flowOf("a", { bytesMeaning: "acked" }))).toContain("acknowledged by the other side's TCP");
  });

  test("that can't be counted are not 0", () => {
    const text = textOf(
      flowOf("a", { bytesMeaning: "none", bytesSent: undefined, bytesReceived: undefined }),
    );
    expect(text).toContain("sent         not countable");
    expect(text).not.toContain("0 B");
  });
});

describe("the process", () => {
  test("is told with its arguments kept apart", () => {
    const text = textOf(
      flowOf("a", { process: processOf("curl", 7, { commandLine: ["curl", "-d", "a b", ""] }) }),
    );
    expect(text).toContain('command      curl\n             -d\n             a b\n             ""\n');
  });

  test("of another user is not visible, and the remedy is told", () => {
    const flow = flowOf("a", { process: undefined, attribution: "not_visible", userName: "bob" });
    const base = snapshotOf([flow]);
    const degradations = [
      { code: "other_users_processes", message: "Others are hidden.", remedy: "sudo wb monitor" } as const,
    ];
    const text = textOf(flow, { ...base, capture: { ...base.capture, degradations } });
    expect(text).toContain("name         not visible\nuser         bob");
    expect(text).toContain("to see it    sudo wb monitor");
  });

  test("that opened the socket is named where it is another one, and so is its network namespace", () => {
    const opener = processOf("systemd", 1, { path: "/usr/lib/systemd/systemd" });
    const passed = textOf(flowOf("a", { opener, networkNamespace: 4_026_532_281, protocol: "mptcp" }));
    expect(passed).toStartWith("MPTCP to ");
    expect(passed).toContain("opened by    systemd (1), /usr/lib/systemd/systemd");
    expect(passed).toContain("namespace    another network namespace: net:[4026532281]");
    const unknown = flowOf("b", { opener: processOf("gone", 9, { path: undefined }), process: undefined });
    expect(textOf(unknown)).toContain("opened by    gone (9)\n");
    const own = textOf(flowOf("c"));
    expect(own).not.toContain("opened by");
    expect(own).not.toContain("namespace");
  });

  test("names who else holds the socket", () => {
    const owner = processOf("nginx", 10);
    const other = processOf("worker", 11);
    const flow = flowOf("a", { process: owner, owners: [owner.key, other.key, "boot:12:5"] });
    const text = textOf(flow, snapshotOf([flow, flowOf("b", { process: other })]));
    expect(text).toContain("also held by worker (11), pid 12");
  });
});

test("a name tells where it comes from, and through which aliases", () => {
  const chain = ["shop.example", "edge\u001b[2J.example"];
  const aliased = textOf(flowOf("a", { remoteHost: { name: "www.shop.example", source: "dns", chain } }));
  expect(aliased).toContain(
    "name         www.shop.example, from a DNS answer that this machine received\nalias of     shop.example → edge",
  );
  expect(aliased).not.toContain("\u001b");
  const asked = textOf(flowOf("b", { remoteHost: { name: "www.shop.example", source: "sni" } }));
  expect(asked).toContain(
    "name         www.shop.example, from the name that a TLS client asked for\nservice",
  );
});

test("a closed connection tells when, and everything tells since when", () => {
  const text = textOf(flowOf("a", { closed: true, closedAtMs: START_MS + 5000 }));
  expect(text).toContain("state        closed");
  expect(text).toContain("closed       2026-01-31 14:02:12");
  expect(text).toContain("first seen   2026-01-31 14:02:07 (10 s ago)");
});
