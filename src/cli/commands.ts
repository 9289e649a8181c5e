/**
 * The table of commands: names, summaries, and where each is loaded from. `wb --help`, the shell completions and the
 * man page are all made from it, so a command that is not here does not exist. It imports no command by itself.
 */
import type { CommandEntry } from "./command-entry.ts";

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "monitor",
    summary: "Watch the live connections of every process, with their bytes",
    load: async () => (await import("./monitor.ts")).monitorCommand(),
  },
  {
    name: "history",
    summary: "Ask what used the network: by process, address, host, user or day",
    load: async () => (await import("./history.ts")).historyCommand(),
  },
  {
    name: "export",
    summary: "Write recorded data as CSV or JSON",
    load: async () => (await import("./export.ts")).exportCommand(),
  },
  {
    name: "helper",
    summary: "Count every byte of every process, as root, for `wb monitor`",
    load: async () => (await import("./helper.ts")).helperCommand(),
  },
  {
    name: "serve",
    summary: "Be the parent of a fleet: agents report here, people look here",
    load: async () => (await import("./serve.ts")).serveCommand(),
  },
  {
    name: "agent",
    summary: "Tell a parent what runs on this machine, and lose nothing of it",
    load: async () => (await import("./agent.ts")).agentCommand(),
  },
  {
    name: "verify",
    summary: "Check the proof of an event, offline",
    load: async () => (await import("./verify.ts")).verifyCommand(),
  },
  {
    name: "doctor",
    summary: "Say what works here, what does not, and the one command that mends it",
    load: async () => (await import("./doctor.ts")).doctorCommand(),
  },
  {
    name: "completions",
    summary: "Print the completions of a shell: bash, zsh or fish",
    load: async (entries) => (await import("./completions.ts")).completionsCommand(entries),
  },
  {
    name: "man",
    summary: "Print the man page",
    hidden: true,
    load: async (entries) => (await import("./man.ts")).manCommand(entries),
  },
];
