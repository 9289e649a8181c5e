/**
 * How the providers of events do: whether they live, how fast they tell, how often they had to be started anew, and how much
 * they lost themselves. Told as `provider_health` events of the stream `health`: at each change of state at once, and
 * regularly. They go through the outbox like all others, so they are signed too.
 */
import type { Clock } from "../lib/clock.ts";
import type { ProviderHealth } from "../protocol/fleet/payloads.ts";
import type { Outbox } from "./contract.ts";

export type ProviderState = ProviderHealth["state"];

export interface ProviderHealthOptions {
  readonly outbox: Pick<Outbox, "append">;
  readonly clock: Clock;
  /** How often each provider is told of, milliseconds. */
  readonly reportMs?: number;
  /** How often is looked for providers that have stalled, milliseconds. */
  readonly lookMs?: number;
}

export interface ProviderOptions {
  /** Without a sign of life for so long it is told as stalled; undefined: it may be silent for ever. Milliseconds. */
  readonly stalledAfterMs?: number;
  /** Whether it can tell what it loses; else its loss is told as unknown. */
  readonly countsLoss?: boolean;
}

/** What a provider, or who runs it, tells of it. */
export interface ProviderHandle {
  /** So many events came of it: a sign of life too. */
  events(count?: number): void;
  /** It lives, without an event. */
  alive(): void;
  /** It lost so many events itself. */
  lost(count: number): void;
  /** It was restarted or came back: told at once where it was not live. */
  live(detail?: string): void;
  restarting(detail: string): void;
  failed(detail: string): void;
  stopped(detail?: string): void;
}

const REPORT_MS = 60_000;
const LOOK_MS = 1000;
const DETAIL_LENGTH_MAX = 400;
const NAME_LENGTH_MAX = 64;
/** The number of this kind of event. */
const HEALTH_EVENT_ID = 1;

class Provider implements ProviderHandle {
  readonly #clock: Clock;
  readonly #options: ProviderOptions;
  readonly #changed: (provider: Provider) => void;
  readonly name: string;
  #state: ProviderState = "live";
  #detail = "";
  #eventsTotal = 0;
  #eventsReported = 0;
  #restarts = 0;
  #lost: number | null;
  #signOfLifeMs: number;
  #reportedMs: number;

  constructor(name: string, clock: Clock, options: ProviderOptions, changed: (provider: Provider) => void) {
    this.name = name;
    this.#clock = clock;
    this.#options = options;
    this.#changed = changed;
    this.#lost = options.countsLoss === true ? 0 : null;
    this.#signOfLifeMs = clock.monotonicMs();
    this.#reportedMs = clock.monotonicMs();
  }

  events(count = 1): void {
    this.#eventsTotal += count;
    this.alive();
  }

  alive(): void {
    this.#signOfLifeMs = this.#clock.monotonicMs();
    if (this.#state !== "live") this.#become("live", "");
  }

  lost(count: number): void {
    this.#lost = (this.#lost ?? 0) + count;
  }

  live(detail = ""): void {
    this.#signOfLifeMs = this.#clock.monotonicMs();
    this.#become("live", detail);
  }

  restarting(detail: string): void {
    if (this.#state !== "restarting") this.#restarts += 1;
    this.#become("restarting", detail);
  }

  failed(detail: string): void {
    this.#become("failed", detail);
  }

  stopped(detail = ""): void {
    this.#become("stopped", detail);
  }

  look(): void {
    const { stalledAfterMs } = this.#options;
    const silentMs = this.#clock.monotonicMs() - this.#signOfLifeMs;
    if (stalledAfterMs === undefined || this.#state !== "live" || silentMs < stalledAfterMs) return;
    this.#become("stalled", `nothing heard for ${Math.round(silentMs / 1000)} s`);
  }

  isDue(reportMs: number): boolean {
    return this.#clock.monotonicMs() - this.#reportedMs >= reportMs;
  }

  /** The rate is that since the report before. */
  report(): ProviderHealth {
    const now = this.#clock.monotonicMs();
    const seconds = (now - this.#reportedMs) / 1000;
    const events = this.#eventsTotal - this.#eventsReported;
    this.#reportedMs = now;
    this.#eventsReported = this.#eventsTotal;
    return {
      provider: this.name,
      state: this.#state,
      eventsTotal: this.#eventsTotal,
      eventsPerSecond: seconds > 0 ? Math.round((events / seconds) * 1000) / 1000 : 0,
      restarts: this.#restarts,
      lost: this.#lost,
      detail: this.#detail,
    };
  }

  #become(state: ProviderState, detail: string): void {
    const shown = detail.slice(0, DETAIL_LENGTH_MAX);
    const isNews = state !== this.#state || shown !== this.#detail;
    this.#state = state;
    this.#detail = shown;
    if (isNews) this.#changed(this);
  }
}

export class ProviderHealthBook {
  readonly #options: ProviderHealthOptions;
  readonly #providers = new Map<string, Provider>();

  constructor(options: ProviderHealthOptions) {
    this.#options = options;
  }

  /** Told as live at once. The same name gives the same provider, so that one that is made anew goes on. */
  provider(name: string, options: ProviderOptions = {}): ProviderHandle {
    const known = this.#providers.get(name);
    if (known !== undefined) return known;
    if (!/^[\w.:-]+$/.test(name) || name.length > NAME_LENGTH_MAX)
      throw new RangeError(`"${name}" is no name of a provider`);
    const provider = new Provider(name, this.#options.clock, options, (changed) => this.#tell(changed));
    this.#providers.set(name, provider);
    this.#tell(provider);
    return provider;
  }

  /** Finds who has stalled, and tells of those that were not told of for a while. */
  look(): void {
    const { reportMs = REPORT_MS } = this.#options;
    for (const provider of this.#providers.values()) {
      provider.look();
      if (provider.isDue(reportMs)) this.#tell(provider);
    }
  }

  /** Looks regularly until the signal aborts, and then tells of all once more. */
  async run(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) {
      const timer = setInterval(() => this.look(), this.#options.lookMs ?? LOOK_MS);
      timer.unref();
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      clearInterval(timer);
    }
    for (const provider of this.#providers.values()) this.#tell(provider);
  }

  #tell(provider: Provider): void {
    this.#options.outbox.append("health", {
      type: "provider_health",
      timestampMs: this.#options.clock.nowMs(),
      provider: provider.name,
      eventId: HEALTH_EVENT_ID,
      payload: JSON.stringify(provider.report()),
    });
  }
}
