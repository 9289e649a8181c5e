/**
 * What libbpf has to say, kept instead of printed: the last messages up to a bound, and out of them one line that tells a
 * person why a program was refused.
 */
import { CString, JSCallback, toArrayBuffer, type Pointer } from "bun:ffi";
import { libc } from "../../../../ffi/linux/libc.ts";
import { libbpf, LIBBPF_INFO } from "../../../../ffi/linux/libbpf.ts";

/** Of all messages together; a verifier's log is one message, and its end is what matters. */
const KEPT_CHARACTERS_MAX = 65_536;
const FIRST_BUFFER_BYTES = 16_384;
/** The verifier's log is at most this long (libbpf's own limit). */
const BUFFER_BYTES_MAX = 16 * 1024 * 1024;
/** A va_list of x86-64 has 24 bytes, one of arm64 32; both are passed as a pointer to them. */
const VA_LIST_BYTES = process.arch === "arm64" ? 32 : 24;
const REASON_CHARACTERS_MAX = 200;

const decoder = new TextDecoder();

/** Runs `body` and returns what libbpf said during it, oldest first. libbpf says nothing outside of this. */
export function withMessages<T>(body: () => T): { readonly result: T; readonly messages: readonly string[] } {
  const messages: string[] = [];
  const callback = new JSCallback(
    (level: number, format: Pointer, values: Pointer) => {
      if (level <= LIBBPF_INFO) keep(messages, formatted(format, values));
      return 0;
    },
    { args: ["i32", "ptr", "ptr"], returns: "i32" },
  );
  try {
    libbpf().libbpf_set_print(callback.ptr);
    return { result: body(), messages };
  } finally {
    libbpf().libbpf_set_print(null);
    callback.close();
  }
}

function keep(messages: string[], text: string): void {
  messages.push(text.slice(-KEPT_CHARACTERS_MAX).trimEnd());
  let total = 0;
  for (const message of messages) total += message.length;
  while (total > KEPT_CHARACTERS_MAX) total -= messages.shift()?.length ?? total;
}

/** The text of one message. The list of values is used up by each formatting, so a second one begins with a copy. */
function formatted(format: Pointer, values: Pointer): string {
  const original = new Uint8Array(toArrayBuffer(values, 0, VA_LIST_BYTES)).slice();
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  let length = libc().vsnprintf(buffer, buffer.length, format, original.slice());
  if (length < 0) return new CString(format);
  if (length >= buffer.length) {
    buffer = new Uint8Array(Math.min(length + 1, BUFFER_BYTES_MAX));
    length = libc().vsnprintf(buffer, buffer.length, format, original.slice());
  }
  return decoder.decode(buffer.subarray(0, Math.min(length, buffer.length - 1)));
}

/** A C string that the library owns; empty where there is none. */
export function textAt(text: Pointer | bigint | null): string {
  return text === null ? "" : new CString(text);
}

/**
 * One line out of libbpf's messages: the verifier's last word where it refused the program, else the first complaint. What
 * it is about is left to the caller to name.
 */
export function reasonOf(messages: readonly string[]): string | undefined {
  const complaints: string[] = [];
  for (const message of messages) {
    const log = /-- BEGIN PROG LOAD LOG --\n([\s\S]*?)(?:-- END PROG LOAD LOG --|$)/.exec(message);
    const last = log === null ? undefined : lastWord(log[1] ?? "");
    if (last !== undefined) return last;
    const text = message.replace(/^libbpf: /, "").replace(/^prog '[^']*': /, "");
    if (log === null && text !== "") complaints.push(text.replaceAll("\n", " "));
  }
  return complaints[0]?.slice(0, REASON_CHARACTERS_MAX);
}

/** The program that the last complaint names; what libbpf says about a program begins with its name. */
export function programOf(messages: readonly string[]): string | undefined {
  return messages
    .map((message) => /^libbpf: prog '([^']+)': /.exec(message)?.[1])
    .findLast((name) => name !== undefined);
}

/** The last line of a verifier's log that says something: after it come only its statistics. */
function lastWord(log: string): string | undefined {
  const lines = log
    .split("\n")
    .map((line) => line.trim())
    .filter(
      (line) =>
        line !== "" && !/^(?:processed \d+ insns|verification time|stack depth|peak_states)/.test(line),
    );
  return lines.at(-1)?.slice(0, REASON_CHARACTERS_MAX);
}
