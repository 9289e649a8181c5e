/**
 * What goes wrong, and when: decided by the seed. Processes begin and end all the while; parent, agents and helper are killed at any
 * moment, also while they start, the network is cut and lies, disks are full, a dead agent's files are damaged, clocks jump.
 */
import type { WrongClock } from "./clock.ts";
import type { Daemon } from "./daemon.ts";
import { damageOne } from "./damage.ts";
import type { Random } from "./random.ts";
import { CALM, type Weather } from "./relay.ts";
import type { OracleAgent, World } from "./world.ts";

export interface ChaosCounts {
  /** Of parent and agents. */
  kills: number;
  helperKills: number;
  fulls: number;
  damages: number;
  jumps: number;
}

export interface ChaosOptions {
  /** Ends after so many SIGKILLs; after its time already, where there were a third of them. */
  readonly kills: number;
  readonly deadlineMs: number;
  readonly tell: (line: string) => void;
}

const LIVING_MAX = 40;
/** As on a machine that has nothing else to do. */
const STARTUP_MS = 2500;
const PACE_MAX = 4;
const HOUR_MS = 3_600_000;
const DISTANCES_MS = [0, 500, HOUR_MS, 30 * HOUR_MS, 20 * 365 * 24 * HOUR_MS];

export class Chaos {
  readonly counts: ChaosCounts = { kills: 0, helperKills: 0, fulls: 0, damages: 0, jumps: 0 };
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
    const pace = Math.min(PACE_MAX, Math.max(1, this.#world.startupMs / STARTUP_MS));
    this.#options.tell(`an agent is there in ${this.#world.startupMs} ms`);
    const endMs = performance.now() + deadlineMs;
    while (this.counts.kills < (performance.now() < endMs ? kills : Math.ceil(kills / 3))) {
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
    const { parent, agents, helper } = this.#world;
    return [parent.daemon, helper, ...agents.map(({ daemon }) => daemon)];
  }

  #heal(): void {
    const { parent, agents, relay } = this.#world;
    relay.heal();
    for (const { disk, clock } of [parent, ...agents]) {
      disk.free();
      if (clock.offsetMs !== 0) clock.set(0);
    }
    for (const daemon of this.#daemons) daemon.start();
  }

  /** Processes begin and end, some living for a moment and some for long. */
  async #work({ nursery, seesAll }: OracleAgent, random: Random): Promise<void> {
    while (!this.#isOver) {
      const { living } = nursery;
      if (seesAll && random.chance(0.2)) nursery.startFlash();
      else if (living.length < LIVING_MAX && random.chance(0.6)) nursery.start();
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
    if (what < 0.33) this.#start(this.#killAgent(agent, seed));
    else if (what < 0.51) this.#start(this.#killParent(seed));
    else if (what < 0.58) this.#start(this.#killHelper(seed));
    else if (what < 0.64) this.#start(this.#cut(random.chance(0.3) ? "all" : agent.id, seed));
    else if (what < 0.74) this.#changeWeather(seed);
    else if (what < 0.82) this.#start(this.#fill(agent, (random) => this.#killAgent(agent, random), seed));
    else if (what < 0.87)
      this.#start(this.#fill(this.#world.parent, (random) => this.#killParent(random), seed));
    else if (what < 0.94) this.#jump(seed);
    // else: a moment of peace
  }

  #start(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  async #killAgent(agent: OracleAgent, random: Random): Promise<void> {
    const { daemon, name } = agent;
    if (!daemon.isRunning) return;
    if (await daemon.kill()) {
      this.counts.kills += 1;
      this.#options.tell(`kill ${name}`);
      if (random.chance(0.2)) this.#damage(agent, random);
    }
    await this.#beginAgain(daemon, random);
  }

  async #beginAgain(daemon: Daemon, random: Random): Promise<void> {
    await Bun.sleep(random.chance(0.8) ? random.between(0, 500) : random.between(500, 4000));
    daemon.start();
  }

  async #killHelper(random: Random): Promise<void> {
    const { helper } = this.#world;
    if (!helper.isRunning) return;
    if (await helper.kill()) {
      this.counts.helperKills += 1;
      this.#options.tell("kill helper");
    }
    await this.#beginAgain(helper, random);
  }

  async #killParent(random: Random): Promise<void> {
    const { daemon } = this.#world.parent;
    if (!daemon.isRunning) return;
    if (await daemon.kill()) {
      this.counts.kills += 1;
      this.#options.tell("kill parent");
    }
    await this.#beginAgain(daemon, random);
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

  /** Not that of an agent with a helper: both live by the machine's clock. */
  #jump(random: Random): void {
    const { parent, agents } = this.#world;
    const wrong: readonly { clock: WrongClock; daemon: Daemon }[] = [
      parent,
      ...agents.filter(({ seesAll }) => !seesAll),
    ];
    const { clock, daemon } = random.pick(wrong);
    const sign = random.chance(0.5) ? 1 : -1;
    clock.set(sign * random.pick(DISTANCES_MS) + random.between(-200, 200));
    this.counts.jumps += 1;
    this.#options.tell(`clock of ${daemon.name} ${clock.offsetMs}`);
  }

  /** The agent is dead. */
  #damage({ disk, name, damages }: OracleAgent, random: Random): void {
    const damage = damageOne(disk.path, random);
    if (damage === undefined) return;
    damages.push(damage);
    this.counts.damages += 1;
    this.#options.tell(`damage ${name} ${damage.file} ${damage.how}`);
  }
}
