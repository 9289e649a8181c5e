/** `wb verify` as a person runs it, from source: what it says, on which stream, and with which exit code. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeEventProof, type EventProof } from "../../../src/protocol/fleet/event-proof.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { SIGNER, signItems, someEvent } from "../../support/fleet/batches.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const MAIN = new URL("../../../src/main.ts", import.meta.url).pathname;

async function verify(
  words: readonly string[],
  input = "",
): Promise<{ stdout: string; stderr: string; code: number }> {
  const child = Bun.spawn([process.execPath, MAIN, "verify", ...words], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", LC_ALL: "C.UTF-8" },
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}

function proofs(count: number): EventProof[] {
  const items = Array.from({ length: count }, (_, index) =>
    someEvent(index + 1, `{"n":${index + 1},"evil":"\\u001b[31m"}`),
  );
  const { header, signature } = signItems(items);
  return items.flatMap((_, index) => {
    const proof = makeEventProof({ publicKey: SIGNER.publicKey, header, signature, items, index });
    return proof === undefined ? [] : [proof];
  });
}

const [FIRST, SECOND, THIRD] = proofs(3);
if (FIRST === undefined || SECOND === undefined || THIRD === undefined) throw new Error("no proofs");
const FORGED = { ...SECOND, event: { ...SECOND.event, payload: '{"n":9}' } };

describe("wb verify", () => {
  test("says what is proven", async () => {
    await using directory = await tmpdir();
    const file = join(directory.path, "proof.json");
    writeFileSync(file, JSON.stringify(FIRST, null, 2));
    const { stdout, stderr, code } = await verify([file]);
    expect(stderr).toBe("");
    expect(stdout).toBe(
      [
        "verified, signed with its own key: compare the agent's id",
        `  agent    ${SIGNER.id}`,
        `  key      ${SIGNER.publicKey}`,
        `  parent   ${"ab".repeat(16)}`,
        "  place    process 0123456789abcdef 1",
        "  time     2023-11-14T22:13:20.001Z (the agent's clock)",
        "  event    process_started of test, number 3",
        '  payload  {"n":1,"evil":"\\u001b[31m"}',
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
  });

  test("with a key takes that key alone", async () => {
    const text = JSON.stringify(FIRST);
    const right = await verify(["-", "--key", SIGNER.publicKey], text);
    expect(right.stdout).toStartWith("verified, signed with the key that was given\n");
    expect(right.code).toBe(0);
    const other = await verify(["-", "--key", Identity.generate().publicKey], text);
    expect(other.stdout).toStartWith("does NOT verify (key): it is signed by another key");
    expect(other.code).toBe(3);
    const none = await verify(["-", "--key", "nonsense"], text);
    expect(none.stderr).toStartWith('wb: "nonsense" is no public key\nhint: ');
    expect(none.code).toBe(2);
  });

  test("reads an array, and lines, and says which of them do not verify", async () => {
    const array = await verify(["-"], JSON.stringify([FIRST, FORGED, THIRD]));
    expect(array.stdout.split("\n").filter((line) => !line.startsWith("  "))).toEqual([
      "1: verified, signed with its own key: compare the agent's id",
      "2: does NOT verify (tree): the event is not in the batch that was signed: it, its place or its path was changed",
      "3: verified, signed with its own key: compare the agent's id",
      "2 of 3 proofs verify",
      "",
    ]);
    expect(array.code).toBe(3);
    const lines = [FIRST, SECOND, THIRD].map((proof) => JSON.stringify(proof)).join("\r\n");
    const whole = await verify(["-", "--json"], `\uFEFF${lines}\n\n`);
    expect(whole.stderr).toBe("");
    const told = whole.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(told).toMatchObject(
      [1, 2, 3].map((seq) => ({ verified: true, agentId: SIGNER.id, stream: "process", seq })),
    );
    expect(whole.code).toBe(0);
    const torn = await verify(["-", "--json"], lines.slice(0, -20));
    const results = torn.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { verified: boolean; step?: string });
    expect(results.map(({ verified, step }) => [verified, step])).toEqual([
      [true, undefined],
      [true, undefined],
      [false, "form"],
    ]);
    expect(torn.code).toBe(3);
  });

  test("says clearly what is no proof", async () => {
    await using directory = await tmpdir();
    const cases: [string, number, string, string][] = [
      ["", 1, "", "wb: standard input is empty: it holds no proof"],
      [
        JSON.stringify(FIRST).slice(0, 300),
        3,
        "does NOT verify (form): this is no JSON, or not all of it",
        "",
      ],
      ["hello", 3, "does NOT verify (form): this is no JSON", ""],
      ['{"error":{"code":"not_found"}}', 3, "does NOT verify (form): this is no proof of an event", ""],
      ["[]", 1, "", "wb: standard input is empty"],
      ["\u0000\u001b[31m", 3, "does NOT verify (form)", ""],
    ];
    for (const [input, code, stdout, stderr] of cases) {
      const run = await verify(["-"], input);
      expect(run.stdout, input).toStartWith(stdout);
      expect(run.stdout).not.toContain("\u001b");
      expect(run.stderr, input).toStartWith(stderr);
      expect(run.code, input).toBe(code);
    }
    const place = join(directory.path, "directory");
    mkdirSync(place);
    expect((await verify([place])).stderr).toStartWith(`wb: cannot read ${place}: it is a directory\nhint: `);
    const missing = await verify([join(directory.path, "missing")]);
    expect(missing.stderr).toContain("there is no such file");
    expect(missing.code).toBe(1);
    chmodSync(place, 0o700);
  });

  test("without a file, or with a flag that it has not, it is a wrong use; its help has examples", async () => {
    expect((await verify([])).code).toBe(2);
    expect((await verify(["-", "--keys", "x"])).stderr).toContain("did you mean --key?");
    const help = await verify(["--help"]);
    expect(help.stdout).toContain("wb verify proof.json");
    expect(help.stdout).toContain("3  a proof does not verify");
    expect(help.code).toBe(0);
  });
});
