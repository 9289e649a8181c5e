/**
 * How a capture comes to its elevated helper, the first time and every time after it was lost: to the one that was started
 * for this run, or to the one that runs as a service. Nobody is asked for a password under a running screen.
 */
import { WbError } from "../model/errors.ts";
import { findService, type HelperService, type ServicePlaces } from "../platform/helper-service.ts";
import { launchHelper, type LaunchedHelper, type LaunchOptions } from "../platform/launched-helper.ts";

export interface HelperAccess extends AsyncDisposable {
  /**
   * Where it listens now, and its secret.
   * @throws WbError where there is none, or none that this user may use.
   */
  locate(): Promise<HelperService>;
}

/** The service makes a new secret at each start: both are looked up each time. */
export function serviceAccess(places: ServicePlaces): HelperAccess {
  return {
    locate: () => {
      const found = findService(places);
      if (found.state === "found") return Promise.resolve(found);
      if (found.state === "unusable") return Promise.reject(found.error);
      const gone = new WbError("unavailable", `no helper listens at ${found.socketPath}`, {
        hint: "Start it: sudo systemctl start wirebound-helper",
      });
      return Promise.reject(gone);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Starts a helper now; it ends when this is disposed of. One that ended is started again when it is asked for, as far as
 * that asks nobody for a password.
 * @throws what launchHelper throws.
 */
export async function launchedAccess(options: LaunchOptions): Promise<HelperAccess> {
  const access = new LaunchedAccess(options);
  await access.start(true);
  return access;
}

class LaunchedAccess implements HelperAccess {
  readonly #options: LaunchOptions;
  #helper: LaunchedHelper | undefined;
  #isOver = false;

  constructor(options: LaunchOptions) {
    this.#options = options;
  }

  async start(mayAsk: boolean): Promise<HelperService> {
    const helper = await launchHelper({ ...this.#options, mayAsk });
    if (this.#isOver) {
      await helper[Symbol.asyncDispose]();
      throw new WbError("unavailable", "the monitor ends");
    }
    this.#helper = helper;
    return helper;
  }

  async locate(): Promise<HelperService> {
    const helper = this.#helper;
    return helper?.isAlive === true ? helper : await this.start(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#helper?.[Symbol.asyncDispose]();
  }
}
