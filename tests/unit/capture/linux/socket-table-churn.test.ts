/** Far more closings than are remembered: what was told as closed does not come back as a row by what it left behind. */
import { expect, test } from "bun:test";
import { CLOSE, TableSampler } from "../../../support/table-sampler.ts";

const CLOSINGS = 66_000;
const TIME_WAIT = 6;
/** Remaining times of minisockets that began when the closings were (WINDOW), and long before; the dump is at 2000. */
const EXPIRES_OF_CLOSINGS_MS = 58_950;
const EXPIRES_OF_BEFORE_MS = 40_000;

function ends(index: number): { local: [string, number]; remote: [string, number] } {
  return {
    local: [`10.0.${index >> 14}.1`, 20_000 + (index & 0x3fff)],
    remote: ["192.0.2.1", 443],
  };
}

test("a TIME_WAIT of a closing that is forgotten is no second row; one of before is a row", () => {
  const sampler = new TableSampler();
  sampler.sample([]);
  const notices = Array.from({ length: CLOSINGS }, (_, index) => ({
    cookie: 100 + index,
    state: CLOSE,
    ...ends(index),
    info: { sent: 5, received: 6 },
  }));
  expect(sampler.sample([], notices).closed).toHaveLength(CLOSINGS);
  const left = Array.from([0, 1, CLOSINGS - 1], (index) => ({
    cookie: 900_000 + index,
    state: TIME_WAIT,
    expires: EXPIRES_OF_CLOSINGS_MS,
    ...ends(index),
  }));
  const before = { cookie: 999_999, state: TIME_WAIT, expires: EXPIRES_OF_BEFORE_MS, ...ends(CLOSINGS + 1) };
  const { live } = sampler.sample([...left, before]);
  expect(live.map(({ identity }) => identity.id)).toEqual(["tcp:999999"]);
});
