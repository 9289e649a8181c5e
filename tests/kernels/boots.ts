/** All the guests: each kernel is fetched and booted once, two of them at a time. */
import { runGuest, type GuestResult } from "./guest.ts";
import { KERNELS, kernelOf, type Kernel, type KernelSeries } from "./packages.ts";
import { stepsFor } from "./plan.ts";
import { guestPrograms } from "./programs.ts";
import { BINARY_PATH } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";

const GUESTS_AT_ONCE = 2;
/** Of one guest, from the making of its image to its last line. */
export const GUEST_DEADLINE_MS = 900_000;

export interface Boots {
  /** Why there is no guest with this kernel; undefined where there is one. */
  reasonAgainst(series: KernelSeries): string | undefined;
  /** What its steps left. Rejects with an Error that shows the guest's console where it failed. */
  guest(series: KernelSeries): Promise<GuestResult>;
}

/** Fetches the kernels, and begins with the guests of those that could be had. */
export async function bootAll(): Promise<Boots> {
  const fetched = await Promise.allSettled(KERNELS.map((series) => kernelOf(series)));
  const reasons = new Map<KernelSeries, string>();
  const kernels: Kernel[] = [];
  for (const [index, outcome] of fetched.entries()) {
    const series = KERNELS[index];
    if (series === undefined) continue;
    if (outcome.status === "fulfilled") kernels.push(outcome.value);
    else reasons.set(series, `Debian's kernel can't be had: ${String(outcome.reason)}`);
  }
  const guests = startGuests(kernels);
  return {
    reasonAgainst: (series) => reasons.get(series),
    guest: async (series) => {
      const guest = guests.get(series);
      if (guest === undefined) throw new Error(`no guest was started with ${series}`);
      return await guest;
    },
  };
}

/** The longest first, so that the last lane is not left alone with it. */
const ORDER: readonly KernelSeries[] = ["6.12", "6.1", "5.10"];

function startGuests(kernels: readonly Kernel[]): Map<KernelSeries, Promise<GuestResult>> {
  const waiting = ORDER.flatMap((series) => kernels.filter((kernel) => kernel.series === series));
  const promises = new Map(waiting.map(({ series }) => [series, Promise.withResolvers<GuestResult>()]));
  const lane = async (): Promise<void> => {
    for (let kernel = waiting.shift(); kernel !== undefined; kernel = waiting.shift()) {
      const promise = promises.get(kernel.series);
      // A failure is told by the guest's own tests; the lane goes on to the next guest.
      await boot(kernel).then(promise?.resolve, promise?.reject);
    }
  };
  for (let lanes = 0; lanes < GUESTS_AT_ONCE; lanes += 1) void lane();
  return new Map([...promises].map(([series, { promise }]) => [series, marked(promise)]));
}

/** A promise that may fail before anybody waits for it, which is no unhandled rejection then. */
function marked<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

async function boot(kernel: Kernel): Promise<GuestResult> {
  await using directory = await tmpdir();
  const programs = await guestPrograms(directory.path);
  const contents = { kernel, programs: [BINARY_PATH, ...programs], steps: stepsFor(kernel.series) };
  return await runGuest(contents, GUEST_DEADLINE_MS);
}
