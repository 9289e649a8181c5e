/** Services by port: the well-known ones, by transport, and the table itself. */
import { expect, test } from "bun:test";

import { SERVICES_BOTH, SERVICES_TCP, SERVICES_UDP } from "../../../src/engine/services-data.ts";
import { serviceOf } from "../../../src/engine/services.ts";

test("names what people know, by transport", () => {
  const expected: readonly (readonly ["tcp" | "udp", number, string | undefined])[] = [
    ["tcp", 22, "ssh"],
    ["udp", 22, undefined],
    ["tcp", 53, "dns"],
    ["udp", 53, "dns"],
    ["tcp", 443, "https"],
    ["udp", 443, "quic"],
    ["udp", 123, "ntp"],
    ["tcp", 123, undefined],
    ["tcp", 5432, "postgresql"],
    ["udp", 51_820, "wireguard"],
    ["udp", 5353, "mdns"],
    ["tcp", 62_078, "iphone-sync"],
    ["udp", 60_001, "mosh"],
    ["tcp", 7, "echo"],
    ["tcp", 0, undefined],
    ["tcp", 55_555, undefined],
    ["tcp", 65_536, undefined],
    ["tcp", -1, undefined],
  ];
  for (const [protocol, port, service] of expected) {
    expect([protocol, port, serviceOf(protocol, port)]).toEqual([protocol, port, service]);
  }
});

test("every entry is a port with a short name, once, in order", () => {
  const sizes = [SERVICES_BOTH, SERVICES_TCP, SERVICES_UDP].map((text) => {
    const entries = text.split(",").map((word) => word.trim());
    for (const entry of entries) expect(entry).toMatch(/^[1-9]\d{0,4} [a-z0-9][a-z0-9-]{0,21}$/);
    const ports = entries.map((entry) => Number(entry.split(" ")[0]));
    expect(ports).toEqual(Array.from(new Set(ports)).sort((left, right) => left - right));
    expect(Math.max(...ports)).toBeLessThan(65_536);
    return entries.length;
  });
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(400);
});
