/** Writes DNS messages for tests, right ones and wrong ones; independent of what decode/dns.ts reads. */

export interface TestRecord {
  readonly owner: string;
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
  readonly recordClass?: number;
}

export interface TestMessage {
  readonly id: number;
  readonly flags?: number;
  readonly questions?: readonly {
    readonly name: string;
    readonly type: number;
    readonly questionClass?: number;
  }[];
  readonly answers?: readonly TestRecord[];
  readonly authorities?: readonly TestRecord[];
}

/** A reply, recursion desired and available, no error. */
export const REPLY = 0x8180;
export const NXDOMAIN = REPLY | 3;
export const SERVFAIL = REPLY | 2;
export const REFUSED = REPLY | 5;
export const TRUNCATED = REPLY | 0x0200;

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(Math.floor(value / 65_536)), ...u16(value)];

/** Uncompressed. Latin-1, so that any byte can be put into a label. */
export function wireName(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const label of name === "" ? [] : name.split(".")) {
    bytes.push(label.length);
    for (const character of label) bytes.push(character.charCodeAt(0));
  }
  return Uint8Array.from([...bytes, 0]);
}

export function soaData(minimum: number): Uint8Array {
  return Uint8Array.from([
    ...wireName("ns.example"),
    ...wireName("admin.example"),
    ...u32(1),
    ...u32(7200),
    ...u32(900),
    ...u32(86_400),
    ...u32(minimum),
  ]);
}

export function writeMessage(message: TestMessage): Uint8Array {
  const { id, flags = REPLY, questions = [], answers = [], authorities = [] } = message;
  const bytes = [id, flags, questions.length, answers.length, authorities.length, 0].flatMap(u16);
  for (const { name, type, questionClass = 1 } of questions) {
    bytes.push(...wireName(name), ...u16(type), ...u16(questionClass));
  }
  for (const { owner, type, ttl, data, recordClass = 1 } of [...answers, ...authorities]) {
    bytes.push(...wireName(owner), ...u16(type), ...u16(recordClass), ...u32(ttl), ...u16(data.length));
    for (const byte of data) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
