/** How the page looks, as far as it can be measured: no wider than a phone, readable in light and dark, and it stands still. */
import { expect } from "bun:test";
import { BROWSER_NEEDS as NEEDS, browsing } from "../../support/fleet/browser.ts";
import { lowContrast, shiftScore, watchShifts } from "../../support/fleet/look.ts";
import { agentNamed } from "../../support/fleet/page-data.ts";
import { PageServer, PASSWORD } from "../../support/fleet/page-server.ts";
import { testWith } from "../../support/needs.ts";
import { webAssets } from "../../../src/web/embedded.ts";

const SCRIPT_BYTES_MAX = 81_920;

const visitTo = browsing();

/** Each page, and the table that is there when it is ready. */
function placesOf(agent: string) {
  return [
    ["#/agents", "Agents"],
    [`#/agents/${agent}/processes`, "Processes"],
    [`#/agents/${agent}/connections`, "Connections"],
    ["#/classifications", "Classifications"],
    ["#/join", "Tokens"],
    ["#/audit", "Audit log"],
  ] as const;
}

for (const width of [390, 1280]) {
  for (const dark of [false, true]) {
    const name = `at ${width} pixels, ${dark ? "dark" : "light"}, every page fits and every text can be read`;
    testWith(NEEDS, name, async () => {
      await using server = await PageServer.start();
      server.agents.push(agentNamed("a-name-without-any-place-to-break-".repeat(6)));
      await using visit = await visitTo(server.url, { width, dark });
      const { page } = visit;
      expect(await lowContrast(page)).toEqual([]);
      await visit.logIn("olga", PASSWORD);
      for (const [place, table] of placesOf(server.agents[2]?.id ?? "")) {
        await visit.goTo(place);
        await page.getByRole("table", { name: table, exact: true }).waitFor();
        expect(`${place} ${await visit.overflow()}`).toBe(`${place} 0`);
        expect([place, ...(await lowContrast(page))]).toEqual([place]);
      }
      await page.route("**/api/v1/audit*", (route) => route.abort());
      await page.getByLabel("Who").fill("nobody");
      await page.getByRole("alert").waitFor();
      expect(await lowContrast(page)).toEqual([]);
      await visit.goTo(`#/agents/${server.agents[3]?.id}/processes`);
      await page.getByRole("button", { name: "Category of steam" }).click();
      await page.getByRole("dialog").waitFor();
      expect([await visit.overflow(), ...(await lowContrast(page))]).toEqual([0]);
    });
  }
}

/** Where the cells of each column begin, by their labels, in pixels from the left. */
const COLUMNS = `[...document.querySelectorAll("td[data-label]")]
  .filter((cell) => cell.checkVisibility() && getComputedStyle(cell).justifySelf !== "end")
  .map((cell) => cell.dataset.label + " " + Math.round(cell.getBoundingClientRect().left))`;
const HIDDEN = `[...document.querySelectorAll(".wide-table")].map((each) => each.scrollWidth - each.clientWidth)`;

testWith(
  NEEDS,
  "on a phone the facts of all rows stand below each other, and none is out of sight",
  async () => {
    await using server = await PageServer.start();
    await using visit = await visitTo(server.url, { width: 390 });
    await visit.logIn("olga", PASSWORD);
    for (const [place, table] of placesOf(server.agents[2]?.id ?? "")) {
      await visit.goTo(place);
      await visit.page.getByRole("table", { name: table, exact: true }).waitFor();
      const found = [...new Set(await visit.page.evaluate<string[]>(COLUMNS))];
      const labels = found.map((each) => each.replace(/ \d+$/, ""));
      expect([place, ...found]).toEqual([
        place,
        ...found.filter((_, at) => labels.indexOf(labels[at] ?? "") === at),
      ]);
      expect([place, ...(await visit.page.evaluate<number[]>(HIDDEN)).filter((each) => each > 0)]).toEqual([
        place,
      ]);
    }
  },
);

testWith(NEEDS, "nothing moves by itself while a page loads or is loaded anew", async () => {
  await using server = await PageServer.start();
  await using visit = await visitTo(server.url);
  await visit.logIn("olga", PASSWORD);
  await watchShifts(visit.page);
  for (const [place, table] of placesOf(server.agents[3]?.id ?? "")) {
    await visit.page.goto(`${server.url}${place}`);
    await visit.page.reload();
    await visit.page.getByRole("table", { name: table, exact: true }).waitFor();
    for (const agent of server.agents)
      server.publish({ type: "agent", agentId: agent.id, change: "heartbeat" });
    await visit.page.evaluate(
      "new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))",
    );
    const score = await shiftScore(visit.page);
    expect(`${place} ${score < 0.02 ? "stands still" : score}`).toBe(`${place} stands still`);
  }
});

testWith(NEEDS, "who wants no motion sees none", async () => {
  await using server = await PageServer.start();
  await using visit = await visitTo(server.url);
  await visit.page.emulateMedia({ reducedMotion: "reduce" });
  await visit.logIn("olga", PASSWORD);
  await visit.page.getByRole("table", { name: "Agents" }).waitFor();
  expect(await visit.page.evaluate("document.getAnimations().length")).toBe(0);
});

testWith([], "the page is few files, small, and names no other host", async () => {
  const assets = await webAssets();
  const ends = [...assets.keys()].map((path) => path.replace(/-[0-9a-f]{12}\./, "."));
  expect(ends.toSorted()).toEqual(["/", "/assets/icon.svg", "/assets/page.css", "/assets/page.js"]);
  for (const [path, { bytes }] of assets) {
    const text = new TextDecoder().decode(bytes);
    const addresses = [...text.matchAll(/https?:\/\/[^\s"'`)]+/g)].map(([address]) => address);
    // Names of XML vocabularies are no addresses that anything is asked of.
    expect([path, ...addresses.filter((address) => !address.startsWith("http://www.w3.org/"))]).toEqual([
      path,
    ]);
    if (path.endsWith(".js")) expect(bytes.length).toBeLessThan(SCRIPT_BYTES_MAX);
    if (path === "/") expect(text).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|style=/);
  }
});
