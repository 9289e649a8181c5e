/**
 * Which processes are known here and told to nobody. By default only the kernel's own threads: the parent is to have every
 * process. Whoever wants less can leave out what every system runs.
 */

export const NOISE_FILTERS = ["kernel_threads", "system_services"] as const;

/** `system_services`: also the programs that a system runs for itself, by their names. */
export type NoiseFilter = (typeof NOISE_FILTERS)[number];

/** Of Linux; a name that begins with one of these and goes on with a dash or a slash is one too. */
const SYSTEM_SERVICES = [
  "systemd",
  "init",
  "kthreadd",
  "rcu_gp",
  "rcu_par_gp",
  "kworker",
  "kswapd",
  "ksoftirqd",
  "migration",
  "watchdog",
];

/** Of a process that is no thread of the kernel. */
export function isNoise(name: string, filter: NoiseFilter): boolean {
  if (filter === "kernel_threads") return false;
  const lower = name.toLowerCase();
  return SYSTEM_SERVICES.some(
    (service) => lower === service || lower.startsWith(`${service}-`) || lower.startsWith(`${service}/`),
  );
}
