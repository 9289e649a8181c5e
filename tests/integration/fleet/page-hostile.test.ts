/** The page against what agents and networks may do to it: names that are programs, gaps, cuts, a parent that goes away. */
import { expect } from "bun:test";
import type { Locator } from "playwright-core";
import { BROWSER_NEEDS as NEEDS, browsing, type Visit } from "../../support/fleet/browser.ts";
import { agentNamed, classificationOf, processNamed } from "../../support/fleet/page-data.ts";
import { PageServer, PASSWORD } from "../../support/fleet/page-server.ts";
import { testWith } from "../../support/needs.ts";
import { waitFor } from "../../support/wait-for.ts";

const visitTo = browsing();

async function visitAs(name: string, server: PageServer, width = 1280, dark = false): Promise<Visit> {
  const visit = await visitTo(server.url, { width, dark });
  await visit.logIn(name, PASSWORD);
  return visit;
}

/** At the processes of an agent, of which it is told live. */
async function watching(visit: Visit, server: PageServer): Promise<{ agent: string; table: Locator }> {
  const agent = server.agents[3]?.id ?? "";
  await visit.goTo(`#/agents/${agent}`);
  const table = visit.page.getByRole("table", { name: "Processes" });
  await table.waitFor();
  await waitFor("both streams", () => server.subscribers === 2);
  return { agent, table };
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
  const names = table.locator(".process-name");
  await names.nth(SEEN.length - 1).waitFor();
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
  const places = [
    ["#/classifications", "Classifications"],
    ["#/audit", "Audit log"],
    ["#/join", "Tokens"],
    ["#/agents", "Agents"],
  ] as const;
  for (const [place, shown] of places) {
    await visit.goTo(place);
    // What is looked for is on the page before it, too.
    await page.getByRole("table", { name: shown, exact: true }).waitFor();
    await page
      .getByText(SEEN[0] ?? "")
      .first()
      .waitFor();
  }
  await waitFor("its title", async () => (await page.title()) === "Agents · hq · WireBound");
  expect(await page.locator("#page img, #page script, #page [onerror], #page [onload]").count()).toBe(0);
  expect(await page.locator('#page a:not([href^="#"])').count()).toBe(0);
  expect(visit.complaints).toEqual([]);
});

testWith(NEEDS, "after a gap everything is loaded anew, and a person is told", async () => {
  await using server = await PageServer.start();
  await using visit = await visitAs("vera", server);
  const { agent, table } = await watching(visit, server);
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
  const { agent, table } = await watching(visit, server);
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
  const { agent, table } = await watching(visit, server);
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
      let [isDown, asked] = [true, 0];
      await visit.page.route("**/api/v1/agents*", (route) => {
        asked += 1;
        return isDown ? route.abort() : route.continue();
      });
      await visit.page.getByLabel("State").selectOption("Active");
      await visit.page.getByText("The parent does not answer.").waitFor();
      await visit.page.getByText("Is wb serve running, and is the network up?", { exact: true }).waitFor();
      expect(await visit.page.getByText("laptop-anna").count()).toBe(1);
      const button = visit.page.getByRole("button", { name: "Try again" });
      const before = asked;
      await button.click();
      await waitFor("it to be asked again", () => asked > before);
      isDown = false;
      // It asks by itself too, now and then: where that comes first there is nothing left to press.
      await button.click({ timeout: 2000 }).catch(() => undefined);
      await visit.page.getByText("The parent does not answer.").waitFor({ state: "detached" });
    } finally {
      await server[Symbol.asyncDispose]();
    }
  },
);
