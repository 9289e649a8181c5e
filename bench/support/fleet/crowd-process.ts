/** A crowd of simulated agents in its own process, told what to do by messages. */
import { join } from "node:path";
import type { Order, Report } from "./crowd.ts";

export class CrowdProcess {
  readonly #process: Bun.Subprocess;
  #waiting: PromiseWithResolvers<Report> | undefined;

  constructor() {
    this.#process = Bun.spawn([process.execPath, join(import.meta.dir, "crowd.ts")], {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      ipc: (report: Report) => this.#waiting?.resolve(report),
      onExit: (_, code) => this.#waiting?.reject(new Error(`a crowd ended with status ${code}`)),
    });
  }

  /** One at a time. */
  order(order: Order): Promise<Report> {
    this.#waiting = Promise.withResolvers<Report>();
    this.#process.send(order);
    return this.#waiting.promise;
  }

  async end(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }
}
