/** The page in a real browser: logging in, the agents, live processes, a person's decisions, and who may not make them. */
import { expect } from "bun:test";
import { BROWSER_NEEDS as NEEDS, browsing, type Visit } from "../../support/fleet/browser.ts";
import { agentNamed, processNamed } from "../../support/fleet/page-data.ts";
import { PageServer, PASSWORD } from "../../support/fleet/page-server.ts";
import { testWith } from "../../support/needs.ts";
import { waitFor } from "../../support/wait-for.ts";
import { fastest } from "../../support/fastest.ts";
import type { ProcessRecord } from "../../../src/model/fleet.ts";

const visitTo = browsing();

/** Writes down each class that the row of blender has, which a look from here may come too late for; none is none. */
const KEEP_MARKS = `
  globalThis.marks = [];
  new MutationObserver(() => {
    for (const row of document.querySelectorAll("tbody > tr"))
      if (row.innerText.includes("blender") && row.className !== "" && marks.at(-1) !== row.className)
        marks.push(row.className);
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
`;

/** A visit of somebody who is logged in. */
async function visitAs(name: string, server: PageServer, width?: number): Promise<Visit> {
  const visit = await visitTo(server.url, width === undefined ? {} : { width });
  await visit.logIn(name, PASSWORD);
  return visit;
}

testWith(
  NEEDS,
  "a wrong password is refused in the parent's words, the right one opens the page",
  async () => {
    await using server = await PageServer.start();
    await using visit = await visitTo(server.url);
    const { page } = visit;
    await page.getByLabel("Name").fill("olga");
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    const refusal = page.getByRole("alert");
    await refusal.waitFor();
    expect(await refusal.innerText()).toBe(
      "The name or the password is wrong.\n\nAn administrator can set a new one.",
    );
    // That the browser itself writes down an answer of 401 is no error of the page.
    visit.complaints.splice(0);
    await visit.logIn("olga", PASSWORD);
    await page.getByRole("table", { name: "Agents" }).waitFor();
    await waitFor("its title", async () => (await page.title()) === "Agents · hq · WireBound");
    expect(visit.complaints).toEqual([]);
  },
);

testWith(
  NEEDS,
  "the agents are told with their health, loss and notices; search asks the parent",
  async () => {
    await using server = await PageServer.start();
    await using visit = await visitAs("olga", server);
    const rows = visit.page.getByRole("table", { name: "Agents" }).locator("tbody > tr");
    await rows.first().waitFor();
    expect(await rows.count()).toBe(server.agents.length);
    const kiosk = rows.filter({ hasText: "kiosk-lobby" });
    const text = (await kiosk.innerText()).replaceAll(/\s+/g, " ");
    expect(text).toContain("Offline");
    expect(text).toContain("CPU 23 % Memory 42 % Disk 61 % 214 221 events, 1 unknown end 2 h 42 min ago");
    expect(text).toContain("Connections shorter than a scan may be missing: no helper");
    await visit.page.getByLabel("Search agents").fill("LAPTOP");
    await waitFor("two rows", async () => (await rows.count()) === 2);
    expect(visit.complaints).toEqual([]);
  },
);

testWith(NEEDS, "ten thousand agents cost one page of rows, and the rest is a click away", async () => {
  await using server = await PageServer.start();
  server.agents = Array.from({ length: 10_000 }, (_, index) =>
    agentNamed(`host-${String(index).padStart(5, "0")}`),
  );
  await using visit = await visitAs("vera", server);
  const rows = visit.page.getByRole("table", { name: "Agents" }).locator("tbody > tr");
  await rows.first().waitFor();
  expect(await rows.count()).toBe(50);
  await visit.page.getByRole("button", { name: "Next" }).click();
  await visit.page.getByText("host-00050").waitFor();
  expect(await rows.count()).toBe(50);
  await visit.page.getByRole("button", { name: "Previous" }).click();
  await visit.page.getByText("host-00000").waitFor();
  expect(visit.complaints).toEqual([]);
});

testWith(
  NEEDS,
  "a process appears when it starts, is marked as new, and leaves when it stopped",
  async () => {
    await using server = await PageServer.start();
    await using visit = await visitAs("olga", server);
    const agent = server.agents[3]?.id ?? "";
    await visit.goTo(`#/agents/${agent}`);
    const table = visit.page.getByRole("table", { name: "Processes" });
    await table.waitFor();
    await waitFor("both streams", () => server.subscribers === 2);
    expect(server.watched).toEqual([agent]);
    const start = (name: string, pid: number): ProcessRecord => {
      const started = processNamed(agent, name, pid, { category: "media", startedAtMs: Date.now() });
      server.startProcess(started);
      return started;
    };
    const rowOf = (name: string) => table.locator("tbody > tr").filter({ hasText: name });
    const shownMs = await fastest(2000, async (time) => {
      start(`early-${time}`, 9000 + time);
      await rowOf(`early-${time}`).waitFor();
    });
    expect(shownMs).toBeLessThan(2000);
    await visit.page.evaluate(KEEP_MARKS);
    const blender = start("blender", 9912);
    await rowOf("blender").waitFor();
    expect(await table.locator("tbody > tr").first().innerText()).toContain("blender");
    server.stopProcess(blender);
    await rowOf("blender").waitFor({ state: "detached" });
    expect(await visit.page.evaluate<string[]>("globalThis.marks")).toEqual(["row-new", "row-faded"]);
    expect(visit.complaints).toEqual([]);
  },
);

testWith(
  NEEDS,
  "an override with its reason changes the chip everywhere, and is in the audit log",
  async () => {
    await using server = await PageServer.start();
    await using visit = await visitAs("olga", server);
    await using other = await visitAs("vera", server);
    const agent = server.agents[3]?.id ?? "";
    for (const each of [visit, other]) await each.goTo(`#/agents/${agent}/processes`);
    const chip = (each: Visit) =>
      each.page
        .getByRole("table", { name: "Processes" })
        .locator("tr", { hasText: "frobnicated" })
        .locator(".chip");
    expect(await chip(other).innerText()).toBe("Unknown");
    await visit.page.getByRole("button", { name: "Category of frobnicated: Unknown. Set another." }).click();
    await visit.page.getByRole("radio", { name: "Utility" }).check();
    await visit.page.getByLabel("Reason").fill("our backup tool <b>really</b>");
    await visit.page.getByRole("button", { name: "Set category" }).click();
    await visit.page.getByText("frobnicated is now Utility. Agents are being told.").waitFor();
    for (const each of [visit, other])
      await waitFor("the new chip", async () => (await chip(each).innerText()) === "Utility");
    await visit.goTo("#/classifications");
    await visit.page.getByRole("button", { name: "frobnicated" }).first().click();
    await visit.page.getByText("“our backup tool <b>really</b>”").waitFor();
    await visit.goTo("#/audit");
    const entry = visit.page.getByRole("table", { name: "Audit log" }).locator("tbody > tr").first();
    await entry.waitFor();
    expect((await entry.innerText()).replaceAll(/\s+/g, " ")).toMatch(
      /^(?:just now|\d+ s ago) olga classification\.override frobnicated to: utility · reason: our backup tool <b>really<\/b> 127\.0\.0\.1$/,
    );
    expect([...visit.complaints, ...other.complaints]).toEqual([]);
  },
);

testWith(NEEDS, "a token is made, shown as the command to paste, and revoked", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("olga", server);
  const { page } = visit;
  await page.getByRole("link", { name: "Join" }).click();
  await page.getByLabel("Machines").fill("5");
  await page.getByLabel("Valid for").selectOption("15 minutes");
  await page.getByRole("button", { name: "Create token" }).click();
  const command = page.locator(".made code").first();
  await command.waitFor();
  expect(await command.innerText()).toBe(`wb agent join wbj1.${"A1b2C3d4".repeat(24)}`);
  expect(server.audit[0]?.details).toEqual({ uses: 5, expiresInMs: 900_000, requiresApproval: false });
  await page.getByRole("button", { name: "Revoke… c0ffee01" }).click();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  const row = page.getByRole("table", { name: "Tokens" }).locator("tr", { hasText: "c0ffee01" });
  await waitFor("the token to be revoked", async () => (await row.innerText()).includes("revoked"));
  expect(visit.complaints).toEqual([]);
});

testWith(NEEDS, "an agent is approved only after its code was compared", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("olga", server);
  const { page } = visit;
  await visit.goTo("#/join");
  await page.getByRole("button", { name: "Approve… test-vm-3" }).click();
  const dialog = page.getByRole("dialog", { name: "Approve test-vm-3?" });
  expect(await dialog.locator(".code").innerText()).toBe("418 206");
  const approve = dialog.getByRole("button", { name: "Approve" });
  expect(await approve.isDisabled()).toBe(true);
  await dialog.getByRole("checkbox").check();
  await approve.click();
  await page.getByText("test-vm-3 was approved.").waitFor();
  await page.getByText("Nobody waits").waitFor();
  expect(server.changes).toEqual([`POST /agents/${agentNamed("test-vm-3").id}/approve`]);
  expect(visit.complaints).toEqual([]);
});

testWith(NEEDS, "a viewer sees everything and no way to change it", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("vera", server);
  const { page } = visit;
  const agent = server.agents[5]?.id ?? "";
  const buttons = async (): Promise<string[]> =>
    (await page.getByRole("button").allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " ").trim());
  await visit.goTo(`#/agents/${agent}`);
  await page.getByRole("table", { name: "Processes" }).waitFor();
  const names = server.processes.filter((each) => each.agentId === agent).map((each) => each.name);
  expect(await buttons()).toEqual(["Log out", ...names]);
  await visit.goTo("#/classifications");
  await page.getByRole("table", { name: "Classifications" }).waitFor();
  expect((await buttons()).filter((text) => /override|revoke|approve|remove/i.test(text))).toEqual([]);
  expect(await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allInnerTexts()).toEqual([
    "Agents",
    "Classifications",
    "Audit",
  ]);
  await visit.goTo("#/join");
  await page.getByText("Only operators let agents in").waitFor();
  expect(server.changes).toEqual([]);
  expect(visit.complaints).toEqual([]);
});

testWith(NEEDS, "logging in, opening an agent and overriding go by the keyboard alone", async () => {
  await using server = await PageServer.start();
  await using visit = await visitTo(server.url);
  const { page } = visit;
  const press = (key: string) => page.keyboard.press(key);
  const focused = async (): Promise<string> =>
    String(
      await page.evaluate(
        "(document.activeElement?.ariaLabel || document.activeElement?.innerText || '').trim()",
      ),
    );
  /** Tab until what has the focus says this; each stop must be seen to have it. */
  const tabTo = async (words: string): Promise<void> => {
    for (let stop = 0; stop < 60; stop += 1) {
      await press("Tab");
      const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
      const name = await focused();
      expect(`${name}: ${String(outline)}`).toBe(`${name}: solid`);
      if (name.includes(words)) return;
    }
    throw new Error(`no Tab leads to ${words}`);
  };
  await page.getByLabel("Name").waitFor();
  await page.keyboard.type("olga");
  await press("Tab");
  await page.keyboard.type(PASSWORD);
  await press("Enter");
  await page.getByRole("table", { name: "Agents" }).waitFor();
  await tabTo("Skip to content");
  await press("Enter");
  await tabTo("laptop-anna");
  await press("Enter");
  await page.getByRole("table", { name: "Processes" }).waitFor();
  await tabTo("Category of frobnicated: Unknown. Set another.");
  await press("Enter");
  await page.getByRole("dialog", { name: "What is frobnicated?" }).waitFor();
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await waitFor(
    "the focus where it was",
    async () => (await focused()) === "Category of frobnicated: Unknown. Set another.",
  );
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  await press("ArrowUp");
  await press("Tab");
  await page.keyboard.type("a service of ours");
  await press("Tab");
  await press("Tab");
  await press("Enter");
  await page.getByText("frobnicated is now System.").waitFor();
  expect(server.changes).toEqual(["POST /processes/override"]);
  expect(visit.complaints).toEqual([]);
});

/** As when another tab is before this one, and when it is looked at again. */
const setHidden = (isHidden: boolean): string =>
  `Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${isHidden ? "hidden" : "visible"}" });
   document.dispatchEvent(new Event("visibilitychange"));`;

testWith(
  NEEDS,
  "a tab that nobody sees holds no stream, for a browser has few connections, and is up to date when it is looked at",
  async () => {
    await using server = await PageServer.start();
    await using visit = await visitAs("olga", server);
    const { page } = visit;
    await visit.goTo(`#/agents/${server.agents[3]?.id}/processes`);
    await waitFor("both streams", () => server.subscribers === 2);
    await page.evaluate(setHidden(true));
    await waitFor("no stream", () => server.subscribers === 0);
    server.startProcess(processNamed(server.agents[3]?.id ?? "", "blender", 4711));
    expect(server.subscribers).toBe(0);
    await page.evaluate(setHidden(false));
    await page.getByRole("cell", { name: "blender", exact: true }).waitFor();
    await waitFor("both streams again", () => server.subscribers === 2);
    expect(await page.getByText("missed").count()).toBe(0);
    expect(visit.complaints).toEqual([]);
  },
  60_000,
);
