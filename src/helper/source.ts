/** What the helper serves. */
export type { Collection, HelperSource, KernelRecords } from "../capture/kernel-source.ts";
