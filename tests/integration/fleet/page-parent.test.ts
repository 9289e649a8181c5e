/** The page and the real parent together: join an agent, see its process start, say what it is, find it in the audit log. */
import { afterAll, beforeAll, expect } from "bun:test";
import type { Browser } from "playwright-core";
import { openBrowser, Visit } from "../../support/fleet/browser.ts";
import { PASSWORD, startPageParent, type PageParent } from "../../support/fleet/page-parent.ts";
import { reasonsAgainst, testWith } from "../../support/needs.ts";
import { waitFor } from "../../support/wait-for.ts";

const NEEDS = ["program:chromium"] as const;

let browser: Browser | undefined;
beforeAll(async () => {
  if (reasonsAgainst(NEEDS).length === 0) browser = await openBrowser();
});
afterAll(() => browser?.close());

async function visitAs(name: string, parent: PageParent): Promise<Visit> {
  if (browser === undefined) throw new Error("the browser was not started");
  const visit = await Visit.to(browser, parent.server.url, { acceptsCertificate: true });
  await visit.logIn(name, PASSWORD);
  return visit;
}

testWith(NEEDS, "from the first token to the audit log", async () => {
  await using parent = await startPageParent();
  await using visit = await visitAs("olga", parent);
  await using other = await visitAs("vera", parent);
  const { page } = visit;
  await page.getByText("No agent has joined yet").waitFor();
  await page.getByRole("link", { name: "make the token on this page" }).click();
  await page.getByRole("button", { name: "Create token" }).click();
  const command = await page.locator(".made code").first().innerText();
  const [, token = ""] = /^wb agent join (wbj1\.\S+)$/.exec(command) ?? [];
  const agent = parent.agent();
  await agent.join(token);
  await page.getByText("used up").waitFor();
  await page.getByRole("link", { name: "Agents", exact: true }).click();
  await page.getByRole("link", { name: "test-host" }).click();
  await other.goTo(`#/agents/${agent.id}`);
  for (const each of [visit, other])
    await each.page.getByText("No running process has been told yet").waitFor();
  const began = performance.now();
  await agent.start("frobnicated", 4711);
  const table = page.getByRole("table", { name: "Processes" });
  await table.getByText("frobnicated").waitFor();
  expect(performance.now() - began).toBeLessThan(2000);
  await page.getByRole("button", { name: "Category of frobnicated: Unknown. Set another." }).click();
  await page.getByRole("radio", { name: "Utility" }).check();
  await page.getByLabel("Reason").fill("ours");
  await page.getByRole("button", { name: "Set category" }).click();
  for (const each of [visit, other]) {
    const chip = each.page.getByRole("table", { name: "Processes" }).locator(".chip");
    await waitFor("the new chip", async () => (await chip.innerText()) === "Utility");
  }
  await visit.goTo("#/audit");
  const entry = page
    .getByRole("table", { name: "Audit log" })
    .locator("tr", { hasText: "classification.override" });
  await entry.waitFor();
  expect((await entry.innerText()).replaceAll(/\s+/g, " ")).toContain("olga classification.override");
  expect(await entry.innerText()).toContain("ours");
  expect([...visit.complaints, ...other.complaints, ...parent.complaints]).toEqual([]);
});

testWith(
  NEEDS,
  "by approval: the code of the parent is shown, and the agent is in once a person compared it",
  async () => {
    await using parent = await startPageParent();
    await using visit = await visitAs("olga", parent);
    const { page } = visit;
    await visit.goTo("#/join");
    await page.getByText("Nobody waits").waitFor();
    const agent = parent.agent();
    await agent.join(null);
    await page.getByRole("button", { name: "Approve… test-host" }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.locator(".code").innerText()).toMatch(/^\S{4,}/);
    await dialog.getByRole("checkbox").check();
    await dialog.getByRole("button", { name: "Approve" }).click();
    await page.getByText("test-host was approved.").waitFor();
    await page.getByText("Nobody waits").waitFor();
    await agent.beat();
    await visit.goTo("#/agents");
    await page.locator(".dot-online").waitFor();
    expect([...visit.complaints, ...parent.complaints]).toEqual([]);
  },
);

testWith(
  NEEDS,
  "an agent is removed with a reason, and a log out ends the session at the parent",
  async () => {
    await using parent = await startPageParent();
    await using visit = await visitAs("ada", parent);
    const { page } = visit;
    const agent = parent.agent();
    await visit.goTo("#/join");
    await page.getByRole("button", { name: "Create token" }).click();
    const command = await page.locator(".made code").first().innerText();
    await agent.join(command.replace("wb agent join ", ""));
    await visit.goTo(`#/agents/${agent.id}`);
    await page.getByRole("button", { name: "Remove…" }).click();
    await page.getByLabel("Reason").fill("sold");
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByText("test-host was removed.").waitFor();
    await page.getByText("What it told before is kept. To come back, it joins again.").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("button", { name: "Log in" }).waitFor();
    const status = await page.evaluate<number>("fetch('/api/v1/me').then((answer) => answer.status)");
    expect(status).toBe(401);
  },
);
