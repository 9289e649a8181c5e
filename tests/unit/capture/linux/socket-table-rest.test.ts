/** A table that rests while somebody else counts: it tells what closed since, and knows of all else nothing any more. */
import { expect, test } from "bun:test";
import { SocketTable } from "../../../../src/capture/linux/socket-table.ts";
import { diagRecord } from "../../../support/diag-message.ts";
import {
  CLOSE,
  counts,
  ESTABLISHED,
  LISTEN,
  TableSampler,
  TCP,
  WINDOW,
} from "../../../support/table-sampler.ts";

const info = { acked: 12, sent: 10, received: 11 };
const TIME_WAIT = 6;
/** Its timer began when the closings of WINDOW came; the dump is at 2000. */
const BEGAN_THEN_MS = 58_950;

function ends(port: number): { local: [string, number]; remote: [string, number] } {
  return { local: ["10.0.0.1", port], remote: ["192.0.2.1", 443] };
}

function idsOf(rows: readonly { readonly identity: { readonly id: string } }[]): string[] {
  return rows.map(({ identity }) => identity.id);
}

test("the living are told again by the next sample, and none of them as gone", () => {
  const sampler = new TableSampler();
  const living = { cookie: 1, state: ESTABLISHED, inode: 5, ...ends(1000), info };
  const listener = {
    cookie: 2,
    state: LISTEN,
    inode: 6,
    local: ["0.0.0.0", 80],
    remote: ["0.0.0.0", 0],
  } as const;
  sampler.sample([living, listener]);
  sampler.table.rest(3000);
  expect(sampler.table.size).toBe(0);
  const { live, closed } = sampler.sample([living]);
  expect([idsOf(live), closed]).toEqual([["tcp:1"], []]);
  expect(counts(live[0])).toEqual(counts(new TableSampler().sample([living]).live[0]));
});

test("what closed before is not told, what closed since is, and neither is a row by what it left behind", () => {
  const sampler = new TableSampler();
  const close = (cookie: number, fromMs: number): void => {
    const record = diagRecord({ cookie, state: CLOSE, ...ends(cookie), info });
    sampler.table.close(record, TCP, 5000, { fromMs, toMs: fromMs + 50 });
  };
  close(1, WINDOW.fromMs);
  close(2, 1500);
  sampler.table.rest(1200);
  const left = { cookie: 900, state: TIME_WAIT, expires: BEGAN_THEN_MS, ...ends(1) };
  const { live, closed } = sampler.sample([left]);
  expect([idsOf(closed), idsOf(live)]).toEqual([["tcp:2"], []]);
});

test("what was lost of that is somebody else's to tell", () => {
  const table = new SocketTable([32_768, 60_999], { told: 1, untold: 1 });
  for (const cookie of [1, 2, 3])
    table.close(diagRecord({ cookie, state: CLOSE, ...ends(cookie), info }), TCP, 5000, WINDOW);
  expect(table.droppedCount).toBe(2);
  table.rest(3000);
  expect([table.droppedCount, table.erasedCount, table.vanishedCount]).toEqual([0, 0, 0]);
});

test("with few bounds, what finds no room is counted, and what is forgotten is not told again", () => {
  const table = new SocketTable([32_768, 60_999], { told: 2, untold: 4 });
  for (let cookie = 1; cookie <= 6; cookie += 1)
    table.close(diagRecord({ cookie, state: CLOSE, ...ends(cookie), info }), TCP, 5000, WINDOW);
  table.beginDump(2000);
  table.endDump(5000);
  expect([table.droppedCount, idsOf(table.takeClosed().closings)]).toEqual([
    2,
    ["tcp:1", "tcp:2", "tcp:3", "tcp:4"],
  ]);
  // Both were told; the first is forgotten, so what it left behind changes nothing.
  table.beginDump(2000);
  for (const cookie of [1, 4])
    table.see(diagRecord({ cookie, state: TIME_WAIT, expires: BEGAN_THEN_MS, ...ends(cookie) }), TCP);
  table.endDump(5000);
  expect(idsOf(table.takeClosed().closings)).toEqual(["tcp:4"]);
  expect([...table.live()]).toEqual([]);
});
