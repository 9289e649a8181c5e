/**
 * The forms in which one program's name is seen: with `.exe`, cut to 15 bytes, with a version, wrapped, as a helper of its own
 * application, with a title that it gave itself. The first form that a list knows is the one that is meant.
 */

/** The kernel keeps 15 bytes of a name (TASK_COMM_LEN in include/linux/sched.h, less the zero). */
export const SHORT_NAME_LENGTH = 15;
const NAME_LENGTH_MAX = 255;
/** What is left without its version must still be a name. */
const STEM_LENGTH_MIN = 3;

const ENDING = /\.(?:exe|com|bin|real|appimage|app|x86_64|x64|x86|amd64|arm64)$/;
/** `gcc-13`, `python3.11`, `php8.2-cgi` is not one, `node18`, `postgres (16)` is not one. */
const VERSION = /[-_ ]?v?\d+(?:\.\d+){0,4}$/;
/** Nix and others put a script before the program and hide it: `.firefox-wrapped`, `.firefox-wrapped_`. */
const WRAPPED = /^\.(.+?)-wrapped_*$/;
/** The processes of an application on macOS: `Slack Helper (Renderer)`. */
const HELPER = / helper(?: \([\w ]+\))?$/;
/** What servers make of their names: `nginx: worker process`, `sshd: user@pts/0`, `postgres: checkpointer`. */
const TITLE = /^([\w.+-]{2,}): /;

/** Lower case, without surrounding space, the folder before it, `-` of a login shell, and brackets. */
export function plainName(name: string): string {
  const text = name.slice(0, NAME_LENGTH_MAX).trim().toLowerCase();
  const isTitle = TITLE.test(text);
  const last = isTitle ? text : (text.split(/[\\/]/).at(-1) ?? "");
  return last.replace(/^-(?=[a-z])/, "").replace(/^\[(.+)\]$/, "$1");
}

/** From the one that says most to the one that says least; without repetitions. */
export function nameForms(name: string): readonly string[] {
  const plain = plainName(name);
  const forms = new Set<string>([plain]);
  const title = TITLE.exec(plain)?.[1];
  if (title !== undefined) forms.add(title);
  for (const form of forms) {
    const wrapped = WRAPPED.exec(form)?.[1];
    if (wrapped !== undefined) forms.add(wrapped);
  }
  for (const form of forms) addBare(forms, form);
  for (const form of forms) {
    const stem = form.replace(VERSION, "");
    if (stem !== form && stem.length >= STEM_LENGTH_MIN) forms.add(stem);
  }
  forms.delete("");
  return [...forms];
}

function addBare(forms: Set<string>, form: string): void {
  let bare = form;
  // Twice, for `soffice.bin.exe` and `game.x86_64.exe`.
  for (let round = 0; round < 2; round += 1) {
    bare = bare.replace(ENDING, "");
    forms.add(bare);
  }
  const application = bare.replace(HELPER, "");
  if (application !== bare) forms.add(application);
  if (bare.endsWith("-bin")) forms.add(bare.slice(0, -"-bin".length));
}
