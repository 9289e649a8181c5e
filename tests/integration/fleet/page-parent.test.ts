/** The page and the real parent together: join an agent, see its process start, say what it is, find it in the audit log. */
import { expect } from "bun:test";
import { BROWSER_NEEDS as NEEDS, browsing, type Visit } from "../../support/fleet/browser.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { webAssets } from "../../../src/web/embedded.ts";
import { fastest } from "../../support/fastest.ts";
import { newNonce, TestStream, type TestAgent, type TestAnswer } from "../../support/fleet/agent.ts";
import { PASSWORD, TestParent } from "../../support/fleet/parent.ts";
import { ProcessTeller, programNamed } from "../../support/fleet/process-events.ts";
import { parseJoinToken } from "../../../src/protocol/fleet/join-token.ts";
import { testWith } from "../../support/needs.ts";
import { waitFor } from "../../support/wait-for.ts";

const visitTo = browsing();

async function pageParent(): Promise<TestParent> {
  const people = { olga: "operator", vera: "viewer" } as const;
  return await TestParent.start({ people, assets: await webAssets() });
}

/** One that tells of processes as a person in a test wants them. */
class PageAgent {
  readonly #agent: TestAgent;
  readonly #stream: TestStream;
  readonly #teller = new ProcessTeller();

  constructor(parent: TestParent) {
    this.#agent = parent.stranger();
    this.#stream = new TestStream(this.#agent, "process");
  }

  get id(): string {
    return this.#agent.identity.id;
  }

  /** By a token as the page shows it; null asks for a person's approval. */
  async join(token: string | null): Promise<void> {
    const nonce = newNonce();
    const parsed = token === null ? null : parseJoinToken(token);
    taken(await this.#agent.join(parsed === null ? null : `${parsed.id}.${parsed.secret}`, nonce));
    if (parsed === null) taken(await this.#agent.request("POST", AGENT_PATHS.joinReveal, { nonce }));
    else await this.beat();
  }

  async beat(): Promise<void> {
    const produced = this.#stream.next - 1;
    const process = { stream: "process", epoch: this.#stream.epoch, produced, acked: produced } as const;
    const streams = [{ ...process, pending: 0, lost: 0, unknownTails: 0, pendingBytes: 0 }];
    taken(await this.#agent.beat({ runningProcesses: produced, streams }));
  }

  async start(name: string): Promise<void> {
    const program = programNamed(name, { path: `/opt/${name}` });
    const event = this.#stream.event(this.#teller.started(program, Date.now()), "process_started");
    taken(await this.#agent.send(this.#stream.batch([event])));
  }
}

function taken({ status, error }: TestAnswer): void {
  expect([status, error]).toEqual([200, undefined]);
}

async function visitAs(name: string, parent: TestParent): Promise<Visit> {
  const visit = await visitTo(parent.url, { acceptsCertificate: true });
  await visit.logIn(name, PASSWORD);
  return visit;
}

testWith(NEEDS, "from the first token to the audit log", async () => {
  await using parent = await pageParent();
  await using visit = await visitAs("olga", parent);
  await using other = await visitAs("vera", parent);
  const { page } = visit;
  await page.getByText("No agent has joined yet").waitFor();
  await page.getByRole("link", { name: "make the token on this page" }).click();
  await page.getByRole("button", { name: "Create token" }).click();
  const command = await page.locator(".made code").first().innerText();
  const [, token = ""] = /^wb agent join (wbj1\.\S+)$/.exec(command) ?? [];
  const agent = new PageAgent(parent);
  await agent.join(token);
  await page.getByText("used up").waitFor();
  await page.getByRole("link", { name: "Agents", exact: true }).click();
  await page.getByRole("link", { name: "test-host" }).click();
  await other.goTo(`#/agents/${agent.id}`);
  for (const each of [visit, other])
    await each.page.getByText("No running process has been told yet").waitFor();
  const table = page.getByRole("table", { name: "Processes" });
  const shownMs = await fastest(2000, async (time) => {
    const name = ["frobnicated", "second", "third"][time] ?? "";
    await agent.start(name);
    await table.getByText(name).first().waitFor();
  });
  expect(shownMs).toBeLessThan(2000);
  await page.getByRole("button", { name: "Category of frobnicated: Unknown. Set another." }).click();
  await page.getByRole("radio", { name: "Utility" }).check();
  await page.getByLabel("Reason").fill("ours");
  await page.getByRole("button", { name: "Set category" }).click();
  for (const each of [visit, other]) {
    const rows = each.page.getByRole("table", { name: "Processes" }).locator("tr");
    const chip = rows.filter({ hasText: "frobnicated" }).locator(".chip");
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
    await using parent = await pageParent();
    await using visit = await visitAs("olga", parent);
    const { page } = visit;
    await visit.goTo("#/join");
    await page.getByText("Nobody waits").waitFor();
    const agent = new PageAgent(parent);
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
    await using parent = await pageParent();
    await using visit = await visitAs("admin", parent);
    const { page } = visit;
    const agent = new PageAgent(parent);
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
