/**
 * What goes wrong, and when: decided by the seed. Processes begin and end all the while; parent and agents are killed at any moment,
 * also while they start, the network is cut and lies, disks are full, files of a dead agent's outbox are damaged, clocks jump.
 */
import { closeSync, openSync, readdirSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "./daemon.ts";
import type { Random } from "./random.ts";
import { CALM, type Weather } from "./relay.ts";
import type { OracleAgent, World } from "./world.ts";

export interface ChaosCounts {
  kills: number;
  fulls: number;
  damages: number;
  jumps: number;
}

export interface ChaosOptions {
  /** Ends after so many SIGKILLs. */
  readonly kills: number;
  readonly deadlineMs: number;
  readonly tell: (line: string) => void;
}

const OUTBOX_FILES = ["outbox.db", "outbox.db", "outbox.db-wal", "outbox.ledger"];
const LIVING_MAX = 40;
/** As on a machine that has nothing else to do. */
const STARTUP_MS = 2500;
const HOUR_MS = 3_600_000;

export class Chaos {
  readonly counts: ChaosCounts = { kills: 0, fulls: 0, damages: 0, jumps: 0 };
  readonly #world: World;
  readonly #random: Random;
  readonly #options: ChaosOptions;
  /** What has been begun and will be put right by itself, such as a cut. */
  readonly #underWay = new Set<Promise<void>>();
  #isOver = false;

  constructor(world: World, random: Random, options: ChaosOptions) {
    this.#world = world;
    this.#random = random;
    this.#options = options;
  }

  /** Until there were enough kills; then nothing of it is under way any more, and all is whole. */
  async run(): Promise<void> {
    const { kills, deadlineMs } = this.#options;
    const workload = this.#world.agents.map((agent) => this.#work(agent, this.#random.fork()));
    // On a machine that is busy with other things, nothing would come to be worth killing.
    const pace = Math.max(1, this.#world.startupMs / STARTUP_MS);
    this.#options.tell(`an agent is there in ${this.#world.startupMs} ms`);
    const endMs = performance.now() + deadlineMs;
    while (this.counts.kills < kills && performance.now() < endMs) {
      this.#begin();
      // The time between two troubles, not a wait for anything.
      await Bun.sleep(this.#random.between(50, 1500) * pace);
      this.#look();
    }
    this.#isOver = true;
    await Promise.all(workload);
    await Promise.all(this.#underWay);
    this.#heal();
  }

  #look(): void {
    for (const daemon of this.#daemons) daemon.look();
  }

  get #daemons(): Daemon[] {
    return [this.#world.parent.daemon, ...this.#world.agents.map(({ daemon }) => daemon)];
  }

  #heal(): void {
    const { parent, agents, relay } = this.#world;
    relay.heal();
    for (const { disk, clock } of agents) {
      disk.free();
      if (clock.offsetMs !== 0) clock.set(0);
    }
    parent.disk.free();
    for (const daemon of this.#daemons) daemon.start();
  }

  /** Processes begin and end, some living for a moment and some for long. */
  async #work({ nursery }: OracleAgent, random: Random): Promise<void> {
    while (!this.#isOver) {
      const { living } = nursery;
      if (living.length < LIVING_MAX && random.chance(0.6)) nursery.start();
      else if (living.length > 0) nursery.end(random.pick(living));
      await Bun.sleep(random.between(20, 400));
    }
  }

  #begin(): void {
    const { agents } = this.#world;
    const random = this.#random;
    const what = random.next();
    const agent = random.pick(agents);
    const seed = random.fork();
    if (what < 0.35) this.#start(this.#killAgent(agent, seed));
    else if (what < 0.55) this.#start(this.#killParent(seed));
    else if (what < 0.62) this.#start(this.#cut(random.chance(0.3) ? "all" : agent.id, seed));
    else if (what < 0.74) this.#changeWeather(seed);
    else if (what < 0.82) this.#start(this.#fill(agent, (random) => this.#killAgent(agent, random), seed));
    else if (what < 0.87)
      this.#start(this.#fill(this.#world.parent, (random) => this.#killParent(random), seed));
    else if (what < 0.92) this.#jump(agent, seed);
    // else: a moment of peace
  }

  #start(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  async #killAgent(agent: OracleAgent, random: Random): Promise<void> {
    const { daemon, name } = agent;
    if (!daemon.isRunning || !(await daemon.kill())) return;
    this.counts.kills += 1;
    this.#options.tell(`kill ${name}`);
    if (random.chance(0.12)) this.#damage(agent, random);
    await Bun.sleep(random.chance(0.8) ? random.between(0, 500) : random.between(500, 4000));
    daemon.start();
  }

  async #killParent(random: Random): Promise<void> {
    const { daemon } = this.#world.parent;
    if (!daemon.isRunning || !(await daemon.kill())) return;
    this.counts.kills += 1;
    this.#options.tell("kill parent");
    await Bun.sleep(random.chance(0.8) ? random.between(0, 500) : random.between(500, 4000));
    daemon.start();
  }

  async #cut(agentId: string, random: Random): Promise<void> {
    const { relay } = this.#world;
    this.#options.tell(`cut ${agentId}`);
    relay.cut(agentId);
    await Bun.sleep(random.between(200, 6000));
    relay.join(agentId);
  }

  #changeWeather(random: Random): void {
    const upTo = (most: number): number => (random.chance(0.5) ? random.next() * most : 0);
    const weather: Weather = random.chance(0.25)
      ? CALM
      : {
          delay: upTo(0.8),
          delayMsMax: random.between(10, 1500),
          duplicate: upTo(0.5),
          replayLater: upTo(0.3),
          loseRequest: upTo(0.3),
          loseAnswer: upTo(0.3),
          tearAnswer: upTo(0.1),
        };
    this.#world.relay.weather = weather;
    this.#options.tell(`weather ${JSON.stringify(weather)}`);
  }

  /** Some are killed, and started again, while their disk is full. */
  async #fill(
    { disk, daemon: { name } }: OracleAgent | World["parent"],
    kill: (random: Random) => Promise<void>,
    random: Random,
  ): Promise<void> {
    if (disk.isFull) return;
    this.counts.fulls += 1;
    this.#options.tell(`fill ${name}`);
    disk.fill();
    this.#look();
    await Bun.sleep(random.between(300, 6000));
    if (random.chance(0.4)) await kill(random);
    await Bun.sleep(random.between(0, 2000));
    disk.free();
    this.#options.tell(`free ${name}`);
  }

  #jump({ clock, name }: OracleAgent, random: Random): void {
    const distances = [0, 500, HOUR_MS, 30 * HOUR_MS, 20 * 365 * 24 * HOUR_MS];
    const sign = random.chance(0.5) ? 1 : -1;
    clock.set(sign * random.pick(distances) + random.between(-200, 200));
    this.counts.jumps += 1;
    this.#options.tell(`clock of ${name} ${clock.offsetMs}`);
  }

  /** Damages a file of the outbox of an agent that is dead. */
  #damage({ disk, name, damages }: OracleAgent, random: Random): void {
    const there = new Set(readdirSync(disk.path));
    const files = OUTBOX_FILES.filter((file) => there.has(file));
    if (files.length === 0) return;
    const file = random.pick(files);
    const path = join(disk.path, file);
    const { size } = statSync(path);
    let how: string;
    if (random.chance(0.3)) {
      const left = random.chance(0.2) ? 0 : random.between(0, size);
      truncateSync(path, left);
      how = `truncated from ${size} to ${left}`;
    } else {
      const pieces = size === 0 ? 0 : random.between(1, 8);
      const opened = openSync(path, "r+");
      for (let piece = 0; piece < pieces; piece += 1) {
        const at = random.between(0, size - 1);
        const bytes = random.bytes(Math.min(random.between(1, 2000), size - at));
        writeSync(opened, bytes, 0, bytes.length, at);
      }
      closeSync(opened);
      how = `${pieces} pieces of ${size} bytes overwritten`;
    }
    damages.push(`${file}: ${how}`);
    this.counts.damages += 1;
    this.#options.tell(`damage ${name} ${file} ${how}`);
  }
}
