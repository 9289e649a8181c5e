/** The fields of a row of `--by interface`, in the order of JSON and CSV. */
import type { InterfaceState } from "../../model/snapshot.ts";
import { rate, type Field } from "./field.ts";

const TEXT = { kind: "text" } as const;
const COUNT = { kind: "count" } as const;

export const INTERFACE_FIELDS: readonly Field<InterfaceState>[] = [
  {
    name: "name",
    type: TEXT,
    nullable: false,
    meaning: "Name of the interface.",
    value: (each) => each.name,
  },
  {
    name: "index",
    type: COUNT,
    nullable: false,
    meaning: "The kernel's number of it.",
    value: (each) => each.index,
  },
  {
    name: "kind",
    type: {
      kind: "word",
      words: ["physical", "loopback", "virtual", "tunnel", "bridge", "bond", "vlan", "other"],
    },
    nullable: false,
    meaning: "What sort of interface it is.",
    value: (each) => each.kind,
  },
  {
    name: "up",
    type: { kind: "boolean" },
    nullable: false,
    meaning: "Whether it is up.",
    value: (each) => each.up,
  },
  {
    name: "addresses",
    type: { kind: "texts" },
    nullable: false,
    meaning: "Its addresses.",
    value: (each) => each.addresses,
  },
  {
    name: "bytesSent",
    type: COUNT,
    nullable: false,
    unit: "bytes",
    meaning: "Bytes on the wire since the interface came up, link-layer headers included.",
    value: (each) => each.bytesSent,
  },
  {
    name: "bytesReceived",
    type: COUNT,
    nullable: false,
    unit: "bytes",
    meaning: "Bytes on the wire since the interface came up, link-layer headers included.",
    value: (each) => each.bytesReceived,
  },
  {
    name: "packetsSent",
    type: COUNT,
    nullable: false,
    meaning: "Packets since the interface came up.",
    value: (each) => each.packetsSent,
  },
  {
    name: "packetsReceived",
    type: COUNT,
    nullable: false,
    meaning: "Packets since the interface came up.",
    value: (each) => each.packetsReceived,
  },
  {
    name: "errors",
    type: COUNT,
    nullable: false,
    meaning: "Packets with errors, both directions.",
    value: (each) => each.errors,
  },
  {
    name: "dropped",
    type: COUNT,
    nullable: false,
    meaning: "Packets dropped, both directions.",
    value: (each) => each.dropped,
  },
  {
    name: "counted",
    type: { kind: "boolean" },
    nullable: false,
    meaning:
      "Whether its bytes are part of the machine's total; false for what carries bytes that another counted interface carries too.",
    value: (each) => each.counted,
  },
  {
    name: "reason",
    type: TEXT,
    nullable: true,
    meaning: "Why it is not counted.",
    value: (each) => each.reason,
  },
  {
    name: "sendBytesPerSecond",
    type: { kind: "number" },
    nullable: true,
    unit: "bytes per second",
    meaning: "Sending rate. Null with one sample.",
    value: (each, context) => rate(each.sendBytesPerSecond, context),
  },
  {
    name: "receiveBytesPerSecond",
    type: { kind: "number" },
    nullable: true,
    unit: "bytes per second",
    meaning: "Receiving rate. Null with one sample.",
    value: (each, context) => rate(each.receiveBytesPerSecond, context),
  },
];
