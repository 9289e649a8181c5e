/**
 * The first start of a parent: its name, its port and its first user. At a terminal it asks; without one it takes what flags,
 * variables and files say, and makes a password that only a file of this user tells.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { writePrivateFile } from "../store/private-file.ts";
import { WbError } from "../model/errors.ts";
import { DEFAULT_PORT } from "../protocol/fleet/paths.ts";
import { createFirstAdmin, needsFirstAdmin, randomPassword } from "../server/people/first-admin.ts";
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from "../server/people/passwords.ts";
import { NameField } from "../server/people/schemas.ts";
import type { FleetStore } from "../store/fleet/contract.ts";
import { say } from "./output.ts";
import type { ServeOptions } from "./serve-options.ts";

const ADMIN = "admin";
/** Kept in the store: what was answered once is not asked again. */
const NAME_SETTING = "server_name";
const PORT_SETTING = "server_port";

export interface Setup {
  readonly name: string;
  readonly port: number;
}

interface Answers {
  readonly name: string;
  readonly port: number;
  readonly adminName: string;
  readonly password: string;
}

/** Name and port, by what was asked for now, what was said at the first start, and what is usual, in this order. */
export async function setUp(store: FleetStore, options: ServeOptions, isTerminal: boolean): Promise<Setup> {
  const storedPort = Number((await store.setting(PORT_SETTING)) ?? DEFAULT_PORT);
  const usual: Setup = {
    name: options.name ?? (await store.setting(NAME_SETTING)) ?? (hostname() || "wirebound"),
    port: options.listen.port ?? storedPort,
  };
  if (!(await needsFirstAdmin(store))) return usual;
  if (!isTerminal || options.adminPassword !== undefined) {
    await makeAdminQuietly(store, options);
    return usual;
  }
  const answers = await ask(usual, options);
  if (options.name === undefined) await store.setSetting(NAME_SETTING, answers.name);
  if (options.listen.port === undefined) await store.setSetting(PORT_SETTING, String(answers.port));
  await makeAdmin(store, answers.adminName, answers.password);
  return { name: answers.name, port: answers.port };
}

async function makeAdmin(store: FleetStore, name: string, password: string): Promise<void> {
  if (await createFirstAdmin(store, { name, password }, Date.now())) return;
  throw new WbError("storage", `the user ${name} can't be made: there is one already`, {
    hint: "start it again",
  });
}

/** The file is there before the user is: a password that nobody knows would lock everybody out. */
async function makeAdminQuietly(store: FleetStore, options: ServeOptions): Promise<void> {
  if (options.adminPassword !== undefined) {
    await makeAdmin(store, ADMIN, options.adminPassword);
    say(`first start: the user ${ADMIN} has the password of --admin-password-file`);
    return;
  }
  const path = join(options.stateDirectory, "admin-password");
  const password = randomPassword();
  writePrivateFile(path, `${password}\n`);
  await makeAdmin(store, ADMIN, password);
  say(`first start: the password of the user ${ADMIN} is in ${path}`);
}

/** Throws where it was cancelled: nothing has been stored then. */
async function ask(usual: Setup, options: ServeOptions): Promise<Answers> {
  const prompts = await import("@clack/prompts");
  const answered = <T>(answer: T): Exclude<T, symbol> => {
    if (!prompts.isCancel(answer)) return answer as Exclude<T, symbol>;
    prompts.cancel("Nothing was set up.");
    throw new WbError("usage", "the set-up was cancelled", {
      hint: "start `wb serve` again; or leave the questions out with --admin-password-file FILE",
    });
  };
  prompts.intro("WireBound: a new parent");
  const name =
    options.name ??
    answered(
      await prompts.text({
        message: "What is it called?",
        initialValue: usual.name,
        validate: (text) => ((text ?? "").trim() === "" ? "a name, please" : undefined),
      }),
    ).trim();
  const adminName = answered(
    await prompts.text({
      message: "Who is its first admin?",
      initialValue: ADMIN,
      validate: (text) => NameField.safeParse(text).error?.issues[0]?.message,
    }),
  );
  const password = answered(await prompts.password({ message: "A password", validate: passwordProblem }));
  answered(
    await prompts.password({
      message: "The same again",
      validate: (text) => (text === password ? undefined : "it is not the same"),
    }),
  );
  const port =
    options.listen.port ??
    Number(
      answered(
        await prompts.text({
          message: "At which port?",
          initialValue: String(usual.port),
          validate: portProblem,
        }),
      ),
    );
  prompts.outro("It starts now.");
  return { name, port, adminName, password };
}

function passwordProblem(text: string | undefined): string | undefined {
  const length = text?.length ?? 0;
  if (length < PASSWORD_LENGTH_MIN) return `${PASSWORD_LENGTH_MIN} characters or more: take a sentence`;
  return length > PASSWORD_LENGTH_MAX ? "that is too long" : undefined;
}

function portProblem(text: string | undefined): string | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text ?? "") && port >= 1 && port <= 65_535 ? undefined : "1 to 65535";
}
