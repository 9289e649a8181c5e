/**
 * Whole screens of the simulated world, held against files: every view and overlay at the smallest, the usual and a
 * large size. After an intended change: `WB_UPDATE_GOLDEN=1 bun test tests/golden/tui`, and read the difference.
 */
import { describe, expect, test } from "bun:test";
import { frameText } from "../../../src/tui/line.ts";
import { widthOf } from "../../../src/tui/text.ts";
import { keyOf, press } from "../../unit/tui/fixtures.ts";
import { screenOf, watchedWorld } from "./world.ts";

const SIZES = [
  [60, 15],
  [80, 24],
  [200, 50],
] as const;

/** What is pressed before the picture is taken. */
const SCENES: Readonly<Record<string, readonly string[]>> = {
  connections: [],
  processes: ["2"],
  addresses: ["3"],
  hosts: ["4"],
  interfaces: ["5"],
  users: ["6"],
  ports: ["7"],
  "connections-by-process": ["g"],
  "connections-by-host-folded": ["g", "g", "down", "left"],
  "detail-of-connection": ["down", "down", "return"],
  "detail-of-process": ["2", "return"],
  "detail-of-invisible-process": ["/", "type process:postgres", "return", "escape", "/", "type user:www-data", "return", "return"],
  "detail-of-interface": ["5", "return"],
  "sorted-by-sent": [">", ">", ">", ">", ">"],
  "addresses-not-names": ["n"],
  filtered: ["/", "type process:firefox port:443", "return"],
  "filter-being-typed": ["/", "type proc"],
  "filter-with-error": ["/", "type firefox nokey:x"],
  "filter-without-match": ["/", "type host:nowhere.invalid", "return"],
  "nothing-but-connections": ["c", "l"],
  "paused-and-frozen": ["p", "f"],
  "notice-put-away": ["x"],
  help: ["?"],
  problems: ["!"],
};

async function expectGolden(name: string, screen: string): Promise<void> {
  const path = new URL(`${name}.txt`, import.meta.url).pathname;
  if (process.env["WB_UPDATE_GOLDEN"] === "1") await Bun.write(path, screen);
  const file = Bun.file(path);
  if (!(await file.exists())) throw new Error(`${name}.txt is missing: WB_UPDATE_GOLDEN=1 writes it`);
  expect(screen).toBe(await file.text());
}

for (const [width, height] of SIZES) {
  describe(`${width}×${height}`, () => {
    for (const [name, keys] of Object.entries(SCENES)) {
      test(name, async () => {
        const { app } = await watchedWorld(width, height);
        press(app, ...keys);
        const lines = frameText(app.frame());
        expect(lines.length).toBe(height);
        for (const line of lines) expect(widthOf(line)).toBe(width);
        await expectGolden(`${name}-${width}x${height}`, screenOf(app));
      });
    }
  });
}

test("a terminal that is too small says so, and recovers", async () => {
  const { app } = await watchedWorld(80, 24, 3);
  const before = screenOf(app);
  app.resize(40, 10);
  await expectGolden("too-small-40x10", screenOf(app));
  app.resize(80, 24);
  expect(screenOf(app)).toBe(before);
});

test("before the first snapshot the screen says that it is looking", async () => {
  const { app } = await watchedWorld(60, 15, 0);
  await expectGolden("first-look-60x15", screenOf(app));
  app.key(keyOf("j"));
  app.click(5, 5);
  expect(frameText(app.frame()).length).toBe(15);
});
