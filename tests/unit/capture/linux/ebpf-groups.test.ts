/** Which method a kernel is asked for first. */
import { expect, test } from "bun:test";
import { ladderOf } from "../../../../src/capture/linux/ebpf/groups.ts";

test("the tracepoints come first, but where pages are sent past them", () => {
  expect(
    ["5.10.0-32-cloud-amd64", "6.5.0", "6.18.44", "6.30.1"].map((release) => ladderOf(release)[0]),
  ).toEqual(Array.from({ length: 4 }, () => "ebpf_tracepoint"));
  expect(["6.3.13", "6.4.0-4-amd64"].map((release) => ladderOf(release)[0])).toEqual([
    "ebpf_fentry",
    "ebpf_fentry",
  ]);
});
