/** One line for a person out of what libbpf and the kernel's verifier say; the messages are as they were recorded. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { programOf, reasonOf } from "../../../../src/capture/linux/ebpf/messages.ts";

const REFUSED_BY_VERIFIER = [
  "libbpf: prog 'fexit_receive4': BPF program load failed: Permission denied",
  [
    "libbpf: prog 'fexit_receive4': -- BEGIN PROG LOAD LOG --",
    "0: R1=ctx(off=0,imm=0) R10=fp0",
    "; return count_call(BPF_CORE_READ(socket, sk), result, flags, false);",
    "0: (79) r2 = *(u64 *)(r1 +40)",
    "func 'tcp_recvmsg' doesn't have 6-th argument",
    "invalid bpf_context access off=40 size=8",
    "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0",
    "-- END PROG LOAD LOG --",
  ].join("\n"),
  "libbpf: prog 'fexit_receive4': failed to load: -13",
  "libbpf: failed to load object 'wirebound'",
];

describe("the reason of a refusal", () => {
  test("is the verifier's last word where there is one", () => {
    expect(reasonOf(REFUSED_BY_VERIFIER)).toBe("invalid bpf_context access off=40 size=8");
    expect(programOf(REFUSED_BY_VERIFIER)).toBe("fexit_receive4");
  });

  test("is the first complaint where there is no log, or an empty one", () => {
    const messages = [
      "libbpf: prog 'x': failed to find kernel BTF type ID of 'inet_sendpage': -3",
      "libbpf: prog 'x': failed to prepare load attributes: -3",
    ];
    expect(reasonOf(messages)).toBe("failed to find kernel BTF type ID of 'inet_sendpage': -3");
    const log = "libbpf: prog 'y': -- BEGIN PROG LOAD LOG --\n-- END PROG LOAD LOG --";
    expect(reasonOf(["libbpf: prog 'y': BPF program load failed: Operation not permitted", log])).toBe(
      "BPF program load failed: Operation not permitted",
    );
    expect(programOf([...messages, log])).toBe("y");
  });

  test("is the last line that is left of a log whose beginning was cut off", () => {
    const cut = `libbpf: prog 'z': -- BEGIN PROG LOAD LOG --\n${"1: (07) r1 += 1\n".repeat(10)}R0 invalid mem access`;
    expect(reasonOf([cut])).toBe("R0 invalid mem access");
  });

  test("is nothing where nothing was said", () => {
    expect(reasonOf([])).toBeUndefined();
    expect(programOf(["libbpf: Error loading vmlinux BTF: -2"])).toBeUndefined();
  });

  test("is always one line of bounded length", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 500 })), (messages) => {
        const reason = reasonOf(messages.map((message) => `libbpf: ${message}\nmore`));
        return reason === undefined || (reason.length <= 200 && !reason.includes("\n"));
      }),
    );
  });
});
