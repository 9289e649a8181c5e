/**
 * Of which agents something is being stored, so that what is read of them may not be on the disk yet. Of all others what can be
 * read can also be told: an agent deletes what it is told is stored.
 */
export class Unsettled {
  /** By agent: how many transactions with something of it are under way. */
  readonly #running = new Map<string, number>();
  /** Something of these could not be stored: it may be in the log all the same, and not on the disk. */
  readonly #doubtful = new Set<string>();

  has(agentId: string): boolean {
    return this.#running.has(agentId) || this.#doubtful.has(agentId);
  }

  /** `store` resolves when it is on the disk. */
  async during<T>(agentIds: readonly string[], store: () => Promise<T>): Promise<T> {
    const agents = new Set(agentIds);
    for (const agent of agents) this.#running.set(agent, (this.#running.get(agent) ?? 0) + 1);
    try {
      return await store();
    } catch (error) {
      for (const agent of agents) this.#doubtful.add(agent);
      throw error;
    } finally {
      for (const agent of agents) {
        const left = (this.#running.get(agent) ?? 1) - 1;
        if (left > 0) this.#running.set(agent, left);
        else this.#running.delete(agent);
      }
    }
  }

  /** All that can be read of this agent was on the disk at this moment. */
  settled(agentId: string): void {
    this.#doubtful.delete(agentId);
  }
}
