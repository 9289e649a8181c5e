/** Everything that is known of an interface, for the detail panel. */
import { formatRate } from "../lib/format.ts";
import type { InterfaceState } from "../model/snapshot.ts";
import { field, heading, type Field } from "./field.ts";
import { exact, safe } from "./text.ts";

export function interfaceFields(state: InterfaceState): Field[] {
  const counted = state.counted
    ? "yes: its bytes are part of the machine's total"
    : `no: ${state.reason === undefined ? "another interface counts its bytes" : safe(state.reason)}`;
  return [
    heading(`INTERFACE ${safe(state.name)}`),
    field("kind", state.kind),
    field("up", state.up ? "yes" : "no", state.up ? "good" : "dim"),
    field("index", String(state.index)),
    field("counted", counted),
    ...(state.addresses.length === 0 ? ["none"] : state.addresses).map((address, index) =>
      field(index === 0 ? "addresses" : " ", safe(address)),
    ),
    heading("BYTES"),
    field("sent", `${exact(state.bytesSent)} B in ${exact(state.packetsSent)} packets`, "send"),
    field(
      "received",
      `${exact(state.bytesReceived)} B in ${exact(state.packetsReceived)} packets`,
      "receive",
    ),
    field(
      "rates",
      `▲ ${formatRate(state.sendBytesPerSecond)}   ▼ ${formatRate(state.receiveBytesPerSecond)}`,
    ),
    field("meaning", "on the wire, headers included, since the interface came up"),
    heading("TROUBLE"),
    field("errors", exact(state.errors), state.errors > 0 ? "warning" : "text"),
    field("dropped", exact(state.dropped), state.dropped > 0 ? "warning" : "text"),
  ];
}
