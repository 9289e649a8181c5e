/**
 * The page of the compiled parent, in a browser, with a compiled agent: make a token on the page, join by it, see a real process
 * appear, say what it is, and find that in the audit log. With WB_PAGE_SHOTS=DIRECTORY it leaves pictures of all of it there.
 */
import { chmod, copyFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect } from "bun:test";
import { browsing, type Visit } from "../support/fleet/browser.ts";
import { lowContrast } from "../support/fleet/look.ts";
import { Program, runThere } from "../support/fleet/program.ts";
import { testWith, type Need } from "../support/needs.ts";
import { AS_BINARY, serveProcess } from "../support/fleet/serve-process.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

const NEEDS: readonly Need[] = ["binary", "program:chromium"];
const PASSWORD = "a sentence is a good password";
/** The longest time between two scans, and some to tell of it. */
const SCAN_MS = 90_000;

const visitTo = browsing();

async function visit(url: string, width = 1280): Promise<Visit> {
  const visiting = await visitTo(url, { acceptsCertificate: true, width });
  await visiting.logIn("admin", PASSWORD);
  return visiting;
}

testWith(
  NEEDS,
  "from the first token on the page to the audit log, with a real agent and a real process",
  async () => {
    await using directory = await tmpdir();
    const HOME = directory.path;
    await writeFile(join(HOME, "password"), `${PASSWORD}\n`, { mode: 0o600 });
    const args = ["--admin-password-file", join(HOME, "password"), "--name", "headquarters"];
    await using parent = await serveProcess(HOME, { by: AS_BINARY, args });
    await using person = await visit(parent.announced.url);
    const { page } = person;
    await page.getByText("No agent has joined yet").waitFor();
    await page.getByRole("link", { name: "make the token on this page" }).click();
    await page.getByRole("button", { name: "Create token" }).click();
    const command = await page.locator(".made code").first().innerText();
    const words = command.split(" ");
    expect(words.slice(0, 3)).toEqual(["wb", "agent", "join"]);

    const place = {
      at: [],
      env: { HOME, WB_AGENT_STATE_DIR: join(HOME, "agent"), WB_AGENT_FLOW_INTERVAL: "2s" },
    };
    const joined = await runThere(place, words.slice(1));
    expect(joined.stderr).toContain("joined headquarters");
    expect(joined.code).toBe(0);
    await using agent = new Program(place, ["agent"]);
    await agent.says(/connected to the parent/);

    const name = "wb-appears";
    await copyFile("/usr/bin/sleep", join(HOME, name));
    await chmod(join(HOME, name), 0o755);
    await page.getByRole("link", { name: "Agents", exact: true }).click();
    await page.getByRole("link", { name: hostname(), exact: true }).click();
    const table = page.getByRole("table", { name: "Processes" });
    await table.getByRole("row").nth(5).waitFor({ timeout: SCAN_MS });
    expect(await table.getByText(name).count()).toBe(0);
    const child = Bun.spawn([join(HOME, name), "120"]);
    try {
      await page.getByLabel("Search").fill(name);
      await table.getByText(name).first().waitFor({ timeout: SCAN_MS });
      await page.getByRole("button", { name: `Category of ${name}: Unknown. Set another.` }).click();
      await page.getByRole("radio", { name: "Game" }).check();
      await page.getByLabel("Reason").fill("we play it");
      await page.getByRole("button", { name: "Set category" }).click();
      const chip = table.locator(".chip").first();
      await waitFor("the new chip", async () => (await chip.innerText()) === "Game");
      const games = await waitFor("the agent to know", async () => {
        const asked = await runThere(place, ["agent", "processes", "--category", "game"]);
        return asked.stdout.includes(name) && asked.stdout;
      });
      expect(games).toContain(String(child.pid));
      await person.goTo("#/audit");
      const audit = page.getByRole("table", { name: "Audit log" });
      const entry = audit.locator("tr", { hasText: "classification.override" });
      await entry.waitFor();
      expect((await entry.innerText()).replaceAll(/\s+/g, " ")).toContain("admin classification.override");
      expect(await entry.innerText()).toContain("we play it");
      expect(person.complaints).toEqual([]);
      const places = await look(parent.announced.url, person);
      expect(places).toEqual([]);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
    expect(parent.stderr()).not.toMatch(/"level":"(?:warn|error)"/);
  },
  600_000,
);

/** What does not fit or can't be read on any page, with real data, on a desk and on a phone. */
async function look(url: string, person: Visit): Promise<string[]> {
  const id = await person.page.evaluate<string>(
    "fetch('/api/v1/agents').then((answer) => answer.json()).then(({ items }) => items[0].id)",
  );
  const problems: string[] = [];
  for (const width of [1280, 390]) {
    await using visiting = await visit(url, width);
    for (const [place, table] of [
      ["agents", "Agents"],
      [`agents/${id}`, "Processes"],
      [`agents/${id}/connections`, "Connections"],
      ["classifications", "Classifications"],
      ["join", "Tokens"],
      ["audit", "Audit log"],
    ] as const) {
      await visiting.goTo(`#/${place}`);
      await visiting.page.getByRole("table", { name: table, exact: true }).getByRole("row").nth(1).waitFor();
      const overflow = await visiting.overflow();
      if (overflow > 0) problems.push(`${place} is ${overflow} pixels too wide at ${width}`);
      problems.push(...(await lowContrast(visiting.page)).map((each) => `${place} at ${width}: ${each}`));
      const shots = process.env["WB_PAGE_SHOTS"];
      if (shots === undefined) continue;
      const name = `${place.replace(id, "one").replaceAll("/", "-")}-${width}.png`;
      await visiting.page.screenshot({ path: join(shots, name), fullPage: true });
    }
    problems.push(...visiting.complaints);
  }
  return problems;
}
