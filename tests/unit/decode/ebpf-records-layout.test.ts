/** Every field of the kernel programs' records is where the compiler put it: by the type information that it wrote. */
import { describe, expect, test } from "bun:test";
import type { FieldReader, FieldWriter } from "../../../ffi/layout.ts";
import {
  BYTES,
  BYTES_KEY,
  EVENT,
  EVENT_TYPES,
  EXEC,
  EXIT,
  LOSS,
  NAME,
  NAME_TYPES,
  SOCKET,
  SOCKET_FLAGS,
  SOCKET_KEY,
  STATE,
} from "../../../src/decode/ebpf-records.ts";
import { readBtf, type BtfTypes } from "../../support/btf.ts";
import { compiledPrograms, compiledRecords } from "../../support/ebpf-object.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";

/** A layout without the names of its fields in its type. */
interface AnyLayout {
  readonly name: string;
  readonly size: number;
  readonly offsetOf: Readonly<Record<string, number>>;
  readonly get: Readonly<Record<string, FieldReader>>;
  readonly set: Readonly<Record<string, FieldWriter>>;
}

const LAYOUTS: readonly AnyLayout[] = [
  SOCKET_KEY,
  SOCKET,
  BYTES_KEY,
  BYTES,
  LOSS,
  EVENT,
  EXEC,
  EXIT,
  STATE,
  NAME,
];

const ENUMS = {
  wb_socket_flags: SOCKET_FLAGS,
  wb_event_type: EVENT_TYPES,
  wb_name_type: NAME_TYPES,
} as const;

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function upperCase(name: string): string {
  return `WB_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Which bytes a field's element covers: those that change when all its bits are set. */
function bytesOf(layout: AnyLayout, field: string, index: number): number[] {
  const bytes = new Uint8Array(layout.size);
  layout.set[field]?.(new DataView(bytes.buffer), 0, -1, index);
  return [...bytes.keys()].filter((at) => bytes[at] === 0xff);
}

function expectSame(layout: AnyLayout, types: BtfTypes): void {
  const struct = types.structs.get(layout.name);
  if (struct === undefined) throw new Error(`the compiler knows no struct ${layout.name}`);
  expect([layout.name, layout.size]).toEqual([layout.name, struct.size]);
  const members = struct.members.filter(({ name }) => !name.startsWith("padding"));
  expect(Object.keys(layout.offsetOf)).toEqual(members.map(({ name }) => camelCase(name)));
  for (const { name, offset, size, elementSize } of members) {
    const field = camelCase(name);
    expect([layout.name, field, layout.offsetOf[field]]).toEqual([layout.name, field, offset]);
    // A struct within a struct is declared as its bytes.
    const width = bytesOf(layout, field, 0).length;
    const count = size / width;
    if (size === elementSize && !types.structs.has(`wb_${name}`))
      expect([field, width]).toEqual([field, size]);
    else if (size !== elementSize) expect([field, width]).toEqual([field, elementSize]);
    const covered = Array.from({ length: count }, (_, index) => bytesOf(layout, field, index)).flat();
    expect(covered).toEqual(Array.from({ length: size }, (_, index) => offset + index));
  }
}

describe("records of the kernel programs", () => {
  testWith(["program:clang"], "are where the compiler puts them", async () => {
    await using directory = await tmpdir();
    const names = [
      ...LAYOUTS.map(({ name }) => `struct ${name}`),
      ...Object.keys(ENUMS).map((name) => `enum ${name}`),
    ];
    const types = readBtf(await compiledRecords(directory.path, names));
    for (const layout of LAYOUTS) expectSame(layout, types);
    for (const [name, ours] of Object.entries<Record<string, number>>(ENUMS)) {
      const mine = Object.entries(ours).map(([key, value]): [string, number] => [upperCase(key), value]);
      expect(mine).toEqual([...(types.enums.get(name) ?? [])]);
    }
  });

  testWith(["program:clang", "program:llvm-strip"], "are the same in the object that is loaded", () => {
    const types = readBtf(compiledPrograms());
    const used = LAYOUTS.filter(({ name }) => types.structs.has(name));
    expect(used).toContain(SOCKET);
    expect(used).toContain(BYTES);
    for (const layout of used) expectSame(layout, types);
  });

  test("a layout that is off by one field is found out", () => {
    const types: BtfTypes = {
      structs: new Map([
        ["wb_socket_key", { size: 16, members: [{ name: "cookie", offset: 0, size: 8, elementSize: 8 }] }],
      ]),
      enums: new Map(),
    };
    expect(() => expectSame(SOCKET_KEY, types)).toThrow();
  });
});
