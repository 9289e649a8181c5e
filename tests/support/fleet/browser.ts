/**
 * A headless Chromium for tests of the page. Whatever a page must never do is written down while a test runs and can be asked
 * for at its end: errors of scripts, words on the console, requests to another host, boxes that scripts open.
 */
import { afterAll, beforeAll } from "bun:test";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { reasonsAgainst } from "../needs.ts";

export const CHROMIUM = "/usr/bin/chromium";
const START_MS = 120_000;
export const BROWSER_NEEDS = ["program:chromium"] as const;

/** For the tests of a file: a browser that is started before them, where there is one, and ends after them. */
export function browsing(): (url: string, options?: VisitOptions) => Promise<Visit> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (reasonsAgainst(BROWSER_NEEDS).length > 0) return;
    const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  }, START_MS);
  afterAll(() => browser?.close());
  return async (url, options) => {
    if (browser === undefined) throw new Error("the browser was not started");
    return await Visit.to(browser, url, options);
  };
}

export interface VisitOptions {
  /** Pixels; 1280 × 860 if not told. */
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** Of the parent's own making. */
  readonly acceptsCertificate?: boolean;
}

/** One person at one browser: nothing is shared with another visit. */
export class Visit implements AsyncDisposable {
  readonly page: Page;
  /** What a page must not do; empty where all is well. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.#context = context;
    this.page = page;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning")
        this.complaints.push(`console: ${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) this.complaints.push(`request: ${request.url()}`);
    });
  }

  /** Opens the parent's page. */
  static async to(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: options.height ?? 860 },
      colorScheme: options.dark ? "dark" : "light",
      ignoreHTTPSErrors: options.acceptsCertificate ?? false,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const visit = new Visit(context, page, new URL(url).origin);
    await page.goto(url);
    return visit;
  }

  async logIn(name: string, password: string): Promise<void> {
    await this.page.getByLabel("Name").fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Log in" }).click();
    await this.page.getByRole("button", { name: "Log out" }).waitFor();
  }

  /** To a page by the address after `#`. */
  async goTo(hash: string): Promise<void> {
    await this.page.evaluate((to) => {
      // oxlint-disable-next-line typescript/no-unsafe-member-access, typescript/no-unsafe-assignment -- runs in the browser
      (globalThis as unknown as { location: { hash: string } }).location.hash = to;
    }, hash);
  }

  /** By how many pixels the page is wider than what is seen of it. */
  async overflow(): Promise<number> {
    return Number(await this.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
