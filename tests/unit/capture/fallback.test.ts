/** A capture that is refused on the way is replaced by the next best, once, and its status says so. */
import { expect, test } from "bun:test";
import { FallbackCapture } from "../../../src/capture/fallback.ts";
import { openSimulatedCapture } from "../../../src/capture/simulated.ts";
import type { Batch, Capture } from "../../../src/model/contracts.ts";
import { WbError, type ErrorCode } from "../../../src/model/errors.ts";

/** The simulated world until the sample in which it fails. */
function failing(code: ErrorCode, atSample: number, log: string[]): Capture {
  const world = openSimulatedCapture({ seed: 1 });
  let samples = 0;
  return {
    status: () => ({ ...world.status(), method: "sock_diag" }),
    sample: async (): Promise<Batch> => {
      samples += 1;
      if (samples >= atSample) throw new WbError(code, "refused");
      return await world.sample();
    },
    [Symbol.asyncDispose]: async () => {
      log.push("disposed");
      await world[Symbol.asyncDispose]();
    },
  };
}

test("a refusal is answered by the next best from that sample on", async () => {
  const log: string[] = [];
  await using capture = new FallbackCapture(failing("unavailable", 2, log), () => {
    log.push("opened");
    return Promise.resolve(openSimulatedCapture({ seed: 2 }));
  });
  await capture.sample();
  expect(capture.status().method).toBe("sock_diag");
  const batch = await capture.sample();
  expect(batch.sockets.length).toBeGreaterThan(0);
  expect(capture.status().method).toBe("simulated");
  await capture.sample();
  expect(log).toEqual(["opened", "disposed"]);
});

test("a refusal of the last one, and a defect, reach the caller", async () => {
  const log: string[] = [];
  await using twice = new FallbackCapture(failing("unavailable", 1, log), () =>
    Promise.resolve(failing("permission", 1, log)),
  );
  expect(twice.sample()).rejects.toThrow("refused");
  await using broken = new FallbackCapture(failing("internal", 1, log), () => {
    throw new Error("must not be opened");
  });
  expect(broken.sample()).rejects.toThrow("refused");
});
