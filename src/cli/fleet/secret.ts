/** A secret from a person: from a file, a pipe, or asked for at a terminal. Never from the command line, which others can see. */
import { readFileSync } from "node:fs";
import { WbError } from "../../model/errors.ts";
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from "../../server/people/passwords.ts";

/** @throws WbError("usage") where there is none to be had. */
export async function askSecret(question: string, file: string | undefined): Promise<string> {
  if (file !== undefined) return fromFile(file);
  if (!process.stdin.isTTY) {
    const text = await new Response(Bun.stdin.stream()).text();
    return checked(text.replace(/\r?\n$/, ""), "standard input");
  }
  const { password, isCancel } = await import("@clack/prompts");
  const answer = await password({ message: question });
  if (isCancel(answer)) throw new WbError("usage", "cancelled", { hint: "nothing was changed" });
  return checked(answer, "the answer");
}

function fromFile(file: string): string {
  try {
    return checked(readFileSync(file, "utf8").replace(/\r?\n$/, ""), file);
  } catch (cause) {
    if (cause instanceof WbError) throw cause;
    throw new WbError(
      "usage",
      `the password can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
        hint: "--password-file names a file with one line",
      },
    );
  }
}

function checked(text: string, where: string): string {
  if (text.length >= PASSWORD_LENGTH_MIN && text.length <= PASSWORD_LENGTH_MAX && !/[\r\n]/.test(text))
    return text;
  throw new WbError("usage", `${where} holds no password of ${PASSWORD_LENGTH_MIN} characters or more`, {
    hint: "one line; length is what makes a password good: take a sentence",
  });
}
