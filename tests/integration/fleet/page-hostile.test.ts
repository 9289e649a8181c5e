/** The page against what agents and networks may do to it: names that are programs, gaps, cuts, a parent that goes away. */
import { afterAll, beforeAll, expect } from "bun:test";
import type { Browser } from "playwright-core";
import { openBrowser, Visit } from "../../support/fleet/browser.ts";
import { agentNamed, classificationOf, processNamed } from "../../support/fleet/page-data.ts";
import { PageServer, PASSWORD } from "../../support/fleet/page-server.ts";
import { reasonsAgainst, testWith } from "../../support/needs.ts";
import { waitFor } from "../../support/wait-for.ts";

const NEEDS = ["program:chromium"] as const;

let browser: Browser | undefined;
beforeAll(async () => {
  if (reasonsAgainst(NEEDS).length === 0) browser = await openBrowser();
});
afterAll(() => browser?.close());

async function visitAs(name: string, server: PageServer, width = 1280, dark = false): Promise<Visit> {
  if (browser === undefined) throw new Error("the browser was not started");
  const visit = await Visit.to(browser, server.url, { width, dark });
  await visit.logIn(name, PASSWORD);
  return visit;
}

const INJECTIONS = [
  "<img src=x onerror=\"document.title='owned'\">",
  "<script>document.title='owned'</script>",
  "javascript:document.title='owned'",
  "\"><svg/onload=document.title='owned'>",
  "{{constructor.constructor('document.title=1')()}}",
  "\u001b]0;owned\u0007\u001b[31mred",
  "gpj.\u202eexe",
  "'; DROP TABLE agents; --",
];
/** As a person sees them: control characters and changes of direction are a sign. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const SEEN = INJECTIONS.map((text) => text.replaceAll(/[\u001b\u0007\u202e]/g, "\u{fffd}"));

testWith(NEEDS, "text of an agent is shown as text, and executes nothing", async () => {
  await using server = await PageServer.start();
  const agent = agentNamed("x", {
    hostname: INJECTIONS[0] ?? "",
    platform: INJECTIONS[1] ?? "",
    version: INJECTIONS[2] ?? "",
    captureMethod: INJECTIONS[3] ?? "",
    notices: INJECTIONS,
    sessions: INJECTIONS.map((text) => ({ user: text, terminal: text, host: text, startedAtMs: null })),
  });
  server.agents = [agent];
  server.processes = INJECTIONS.map((text, index) =>
    processNamed(agent.id, text, 100 + index, {
      path: text,
      commandLine: text,
      publisher: text,
      version: text,
      userName: text,
      startedAtMs: Date.now() - index * 1000,
    }),
  );
  server.classifications = server.processes.map(classificationOf);
  server.audit = INJECTIONS.map((text, id) => ({
    id,
    atMs: Date.now(),
    actor: text,
    action: text,
    subject: text,
    details: { [text]: text },
    address: text,
  }));
  server.requests = [
    {
      agentId: agent.id,
      hostname: INJECTIONS[0] ?? "",
      platform: "",
      address: "",
      code: "1",
      requestedAtMs: 1,
    },
  ];
  await using visit = await visitAs("olga", server);
  const { page } = visit;
  await page.getByRole("link", { name: SEEN[0] ?? "" }).click();
  const table = page.getByRole("table", { name: "Processes" });
  for (const text of SEEN) await table.locator(".process-name", { hasText: text }).first().waitFor();
  const names = table.locator(".process-name");
  expect(await names.allInnerTexts()).toEqual(SEEN);
  const rowButtons = table.locator(".row-button");
  for (let index = 0; index < SEEN.length; index += 1) {
    await rowButtons.nth(index).click();
    await page
      .locator(".below code", { hasText: SEEN[index] ?? "" })
      .first()
      .waitFor();
  }
  server.startProcess(processNamed(agent.id, `${INJECTIONS[0]} live`, 999));
  await names.filter({ hasText: "live" }).waitFor();
  for (const place of ["#/classifications", "#/audit", "#/join", "#/agents"]) {
    await visit.goTo(place);
    await page
      .getByText(SEEN[0] ?? "")
      .first()
      .waitFor();
  }
  expect(await page.title()).toBe("Agents · hq · WireBound");
  expect(await page.locator("#page img, #page script, #page [onerror], #page [onload]").count()).toBe(0);
  expect(await page.locator('#page a:not([href^="#"])').count()).toBe(0);
  expect(visit.complaints).toEqual([]);
});

testWith(NEEDS, "after a gap everything is loaded anew, and a person is told", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("vera", server);
  const agent = server.agents[3]?.id ?? "";
  await visit.goTo(`#/agents/${agent}`);
  const table = visit.page.getByRole("table", { name: "Processes" });
  await table.waitFor();
  await waitFor("both streams", () => server.subscribers === 2);
  // It started in the gap: no event told it.
  server.processes.unshift(processNamed(agent, "unheard", 4711));
  server.publish({ type: "gap", missed: 12 });
  await visit.page
    .getByText("12 live updates were missed. Everything shown has been loaded anew.")
    .first()
    .waitFor();
  await table.getByText("unheard").waitFor();
  expect(visit.complaints).toEqual([]);
});

testWith(NEEDS, "a cut connection is resumed after the last event that was seen", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("vera", server);
  const agent = server.agents[3]?.id ?? "";
  await visit.goTo(`#/agents/${agent}`);
  const table = visit.page.getByRole("table", { name: "Processes" });
  await table.waitFor();
  await waitFor("both streams", () => server.subscribers === 2);
  server.startProcess(processNamed(agent, "before-the-cut", 1));
  await table.getByText("before-the-cut").waitFor();
  const before = server.resumedAfter.length;
  server.cut();
  await waitFor(
    "both streams again",
    () => server.subscribers === 2 && server.resumedAfter.length === before + 2,
  );
  expect(new Set(server.resumedAfter.slice(before))).toEqual(new Set(["100", "101"]));
  server.startProcess(processNamed(agent, "after-the-cut", 2));
  await table.getByText("after-the-cut").waitFor();
  expect(visit.complaints.filter((text) => !text.includes("ERR_"))).toEqual([]);
});

testWith(NEEDS, "many processes at once neither flood the list nor the browser", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("vera", server);
  const agent = server.agents[3]?.id ?? "";
  await visit.goTo(`#/agents/${agent}`);
  const table = visit.page.getByRole("table", { name: "Processes" });
  await table.waitFor();
  await waitFor("both streams", () => server.subscribers === 2);
  for (let index = 0; index < 5000; index += 1)
    server.startProcess(
      processNamed(agent, `burst-${index}`, 10_000 + index, { startedAtMs: Date.now() + index }),
    );
  await table.getByText("burst-4999").waitFor();
  await waitFor("one page of rows", async () => (await table.locator("tbody > tr").count()) <= 300);
  await visit.page.getByText("Page 1 · 100 processes").waitFor();
  expect(visit.complaints).toEqual([]);
});

testWith(NEEDS, "a session that ended leads to the login, and from there back to where one was", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("vera", server);
  await visit.page.context().clearCookies();
  await visit.goTo("#/audit");
  await visit.page.getByText("Your session has ended. Log in again to go on where you were.").waitFor();
  await visit.logIn("vera", PASSWORD);
  await visit.page.getByRole("table", { name: "Audit log" }).waitFor();
});

testWith(
  NEEDS,
  "a parent that does not answer is told with what to do, and what was shown stays",
  async () => {
    const server = await PageServer.start();
    try {
      await using visit = await visitAs("vera", server);
      await visit.page.getByRole("table", { name: "Agents" }).waitFor();
      await visit.page.route("**/api/v1/agents*", (route) => route.abort());
      await visit.page.getByLabel("State").selectOption("Active");
      await visit.page.getByText("The parent does not answer.").waitFor();
      await visit.page
        .getByText("Is wb serve running", { exact: false })
        .or(visit.page.getByText("`wb serve`"))
        .waitFor();
      expect(await visit.page.getByText("laptop-anna").count()).toBe(1);
      await visit.page.unroute("**/api/v1/agents*");
      await visit.page.getByRole("button", { name: "Try again" }).click();
      await visit.page.getByText("The parent does not answer.").waitFor({ state: "detached" });
    } finally {
      await server[Symbol.asyncDispose]();
    }
  },
);
