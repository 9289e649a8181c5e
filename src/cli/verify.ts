/** `wb verify`: its options and its help. The work is in verify-run.ts, loaded when it is asked for. */
import { Argument, Command, Option } from "commander";
import { document } from "./documentation.ts";
import type { VerifyFlags } from "./verify-run.ts";

const PROVES = `A proof holds one event of one agent: its place (stream, epoch, number), its time, its payload, and the agent's signature over the batch that it came in. What is verified: that the event is in that batch, unchanged and at that place, and that the holder of the agent's private key signed it. The time is what the agent's clock said. Nothing is asked of any server.`;

const KEY = `Without --key the proof is checked with the key that it carries, whose fingerprint is the agent's id: compare that id with the agent's in the parent's list. With --key it must be that very key.`;

const READS = `The file is one proof, a JSON array of proofs, or one proof per line; - is standard input. The parent gives a proof at /api/v1/events/AGENT/STREAM/EPOCH/SEQ/proof.`;

/** A fresh command: commander keeps what it parsed. */
export function verifyCommand(): Command {
  const command = new Command("verify")
    .summary("Check the proof of an event, offline")
    .description(
      "Check the exported proof of an event: that this agent signed it, unchanged and at this place. Offline; any single byte that was changed is found.",
    )
    .addArgument(new Argument("<file>", "the proof, or - for standard input"))
    .addOption(new Option("--key <key>", "the agent's public key, in base64url: accept no other"))
    .addOption(new Option("--json", "one JSON object per proof"))
    .allowExcessArguments(false)
    .action(async (file: string, flags: VerifyFlags) => {
      const { runVerify } = await import("./verify-run.ts");
      await runVerify(file, flags);
    });
  return document(command, {
    sections: [
      { heading: "What it proves", text: PROVES },
      { heading: "Whose key", text: KEY },
      { heading: "What it reads", text: READS },
    ],
    examples: [
      { command: "wb verify proof.json", purpose: "is this event as the agent sent it?" },
      {
        command: "wb verify proof.json --key 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        purpose: "the same, and by nobody but this agent",
      },
      {
        command: "wb verify proofs.jsonl --json | jq 'select(.verified | not)'",
        purpose: "which of many do not verify?",
      },
    ],
    exitCodes: [
      { code: 0, meaning: "every proof verifies" },
      { code: 1, meaning: "failed: the file can't be read, or is empty" },
      { code: 2, meaning: "wrong flag or argument" },
      { code: 3, meaning: "a proof does not verify: standard output says at which step" },
    ],
  });
}
