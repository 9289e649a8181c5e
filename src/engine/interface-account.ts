/** Keeps the books of the network interfaces: growth since the start, rates, and the sum of those that count. */
import type { InterfaceSample } from "../model/interface.ts";
import type { InterfaceState, Traffic } from "../model/snapshot.ts";
import { CounterTrack } from "./counter-track.ts";
import { DecayedRate, type RateStep } from "./decayed-rate.ts";

interface Entry {
  sent: CounterTrack;
  received: CounterTrack;
  sequence: number;
}

/** More interfaces than any machine has; those on top are shown without rates and counted nowhere. */
const INTERFACES_MAX = 65_536;
/** For so many samples an interface may be missing before its counters are forgotten. */
const ABSENT_SAMPLES_MAX = 60;

export class InterfaceAccount {
  /** By index: a name can be given to another interface, an index is not used again soon (net/core/dev.c). */
  readonly #entries = new Map<number, Entry>();
  #bytesSent = 0;
  #bytesReceived = 0;
  readonly #sendRate = new DecayedRate();
  readonly #receiveRate = new DecayedRate();

  /**
   * An interface's bytes from before it was first seen don't count, nor does what was between a reset of its counters and
   * the look before.
   */
  ingest(samples: readonly InterfaceSample[], sequence: number, step: RateStep): readonly InterfaceState[] {
    let sent = 0;
    let received = 0;
    const states = samples.map((sample): InterfaceState => {
      const entry = this.#entryOf(sample.index);
      entry.sequence = sequence;
      entry.sent.update(sample.bytesSent);
      entry.received.update(sample.bytesReceived);
      const sentDelta = entry.sent.stepRate(step);
      const receivedDelta = entry.received.stepRate(step);
      if (sample.counted) {
        sent += sentDelta;
        received += receivedDelta;
      }
      return {
        ...sample,
        sendBytesPerSecond: entry.sent.bytesPerSecond,
        receiveBytesPerSecond: entry.received.bytesPerSecond,
      };
    });
    for (const [index, entry] of this.#entries) {
      if (sequence - entry.sequence > ABSENT_SAMPLES_MAX) this.#entries.delete(index);
    }
    this.#bytesSent += sent;
    this.#bytesReceived += received;
    this.#sendRate.step(sent, step);
    this.#receiveRate.step(received, step);
    return states;
  }

  /** Of all counted interfaces since the start, those that are gone included. */
  traffic(): Traffic {
    return {
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      sendBytesPerSecond: this.#sendRate.bytesPerSecond,
      receiveBytesPerSecond: this.#receiveRate.bytesPerSecond,
    };
  }

  #entryOf(index: number): Entry {
    const known = this.#entries.get(index);
    if (known !== undefined) return known;
    const entry: Entry = {
      sent: new CounterTrack(undefined),
      received: new CounterTrack(undefined),
      sequence: 0,
    };
    if (this.#entries.size < INTERFACES_MAX) this.#entries.set(index, entry);
    return entry;
  }
}
