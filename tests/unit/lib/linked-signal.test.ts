/** Signals that follow others: they end with any of them or in time, and leave nothing behind on one that goes on living. */
import { expect, test } from "bun:test";
import { linkedSignal } from "../../../src/lib/linked-signal.ts";
import { waitFor } from "../../support/wait-for.ts";

/** A signal that counts who listens to it. */
function counted(): { readonly controller: AbortController; listeners: number } {
  const controller = new AbortController();
  const state = { controller, listeners: 0 };
  const { signal } = controller;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    state.listeners += 1;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    state.listeners -= 1;
    remove(...given);
  };
  return state;
}

test("it aborts with any of them, at once where one has, by hand, and after its time", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  using linked = linkedSignal([first.signal, second.signal]);
  expect(linked.signal.aborted).toBe(false);
  second.abort();
  expect(linked.signal.aborted).toBe(true);
  using late = linkedSignal([first.signal, second.signal]);
  expect(late.signal.aborted).toBe(true);
  using ended = linkedSignal([first.signal]);
  ended.end();
  expect(ended.signal.aborted).toBe(true);
  using timed = linkedSignal([first.signal], 10);
  await waitFor("its time", () => timed.signal.aborted);
});

test("a thousand of them leave no listener on a signal that lives on, and are not ended by it", () => {
  const long = counted();
  for (let count = 0; count < 1000; count += 1) {
    using linked = linkedSignal([long.controller.signal], 60_000);
    expect(linked.signal.aborted).toBe(false);
  }
  expect(long.listeners).toBe(0);
  const disposed = linkedSignal([long.controller.signal]);
  disposed[Symbol.dispose]();
  long.controller.abort();
  expect(disposed.signal.aborted).toBe(false);
});
