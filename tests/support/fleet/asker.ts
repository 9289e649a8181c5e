/**
 * Asks a parent over its API from where this runs (another network namespace than the test's): `bun asker.ts STATE_DIRECTORY`. Each
 * line of its input, `METHOD path [body]`, is answered by one line of JSON, `{ status, body }`. It asks by the key that the
 * parent leaves for its own user, checks its certificate, and waits where it is told to.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [directory = "."] = process.argv.slice(2);
const { url, key } = JSON.parse(readFileSync(join(directory, "local.json"), "utf8")) as {
  url: string;
  key: string;
};
const ca = readFileSync(join(directory, "tls-certificate.pem"), "utf8");

async function ask(line: string): Promise<{ status: number; body: unknown }> {
  const [method = "GET", path = "/", ...body] = line.split(" ");
  const answer = await fetch(new URL(path, url), {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body.length === 0 ? {} : { body: body.join(" ") }),
    tls: { ca, checkServerIdentity: () => undefined },
  });
  const text = await answer.text();
  if (answer.status === 429) {
    await Bun.sleep(Math.max(100, Number(answer.headers.get("retry-after")) * 1000));
    return await ask(line);
  }
  return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
}

for await (const line of console)
  if (line !== "") process.stdout.write(`${JSON.stringify(await ask(line))}\n`);
