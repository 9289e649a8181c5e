/** Waiting for a condition instead of for a time. */

/** Resolves with the first defined, non-false value of `condition`; throws after the deadline, naming what was waited for. */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 60_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await Bun.sleep(5); // the pause between two looks, not the wait itself
  }
}
