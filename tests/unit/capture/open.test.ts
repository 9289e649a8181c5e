/** Which capture is opened: the best that works, or the one that is forced. */
import { expect, test } from "bun:test";
import { openCapture } from "../../../src/capture/open.ts";
import type { CaptureMethod } from "../../../src/model/capture-status.ts";
import { WbError } from "../../../src/model/errors.ts";

async function methodOf(options: Parameters<typeof openCapture>[0]): Promise<CaptureMethod> {
  await using capture = await openCapture(options);
  return capture.status().method;
}

async function codeOf(options: Parameters<typeof openCapture>[0]): Promise<string> {
  try {
    await using capture = await openCapture(options);
    return capture.status().method;
  } catch (error) {
    if (error instanceof WbError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

test("sock_diag where it works; either where it is forced", async () => {
  expect(await methodOf({})).toBe("sock_diag");
  expect(await methodOf({ method: "sock_diag" })).toBe("sock_diag");
  expect(await methodOf({ method: "procfs" })).toBe("procfs");
});

test("forced by the environment, which must name a method", async () => {
  const before = process.env["WB_CAPTURE_METHOD"];
  try {
    process.env["WB_CAPTURE_METHOD"] = "procfs";
    expect(await methodOf({})).toBe("procfs");
    expect(await methodOf({ method: "sock_diag" })).toBe("sock_diag");
    process.env["WB_CAPTURE_METHOD"] = "magic";
    expect(await codeOf({})).toBe('config: WB_CAPTURE_METHOD is "magic"');
  } finally {
    if (before === undefined) delete process.env["WB_CAPTURE_METHOD"];
    else process.env["WB_CAPTURE_METHOD"] = before;
  }
});

test("what is no way of capturing here, and no /proc", async () => {
  expect(await codeOf({ method: "replay" })).toBe(
    "unsupported: replay is not a way of capturing from this system",
  );
  expect(await codeOf({ method: "procfs", procRoot: "/nonexistent" })).toBe(
    "unavailable: neither sock_diag nor /nonexistent/net/tcp can be read",
  );
});

test("without /proc, sock_diag still tells the sockets, and says that processes are missing", async () => {
  await using capture = await openCapture({ procRoot: "/nonexistent" });
  const status = capture.status();
  expect([status.method, status.capabilities.processes]).toEqual(["sock_diag", "none"]);
  expect(status.degradations.map(({ code }) => code)).toEqual(["no_procfs", "udp_bytes"]);
  const batch = await capture.sample();
  expect(batch.processes).toEqual([]);
});
