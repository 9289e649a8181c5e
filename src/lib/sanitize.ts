/**
 * Takes out of command lines, paths and names what is a person's own, before it leaves the machine: home directories, URLs,
 * e-mail addresses, passwords, tokens and what looks like a key. What helps to tell one program from another stays: options,
 * file names, ports, IP addresses. It may take out too much, and is as good as its list: a secret that looks like a word, in
 * an option that does not say so, is not known for one.
 *
 * Never throws, takes time linear in the length of its input, and changes nothing when it is applied again.
 */

const COMMAND_LINE_MAX = 500;
const PATH_MAX = 4096;
const NAME_MAX = 255;
/** Far more than is kept: what follows is not even looked at. */
const LOOKED_AT_MAX = 16_384;
/** One word of a command line; a longer one is data and no argument. */
const WORD_MAX = 4096;
/** Each pass can bring together what was apart only at a cut. */
const PASSES_MAX = 4;

const SECRET = "<SECRET>";
const KEY = "<KEY>";
const URL_MARK = "<URL>";
const EMAIL = "<EMAIL>";
const USER = "<USER>";
const VALUE = "<VALUE>";
const LONG = "<LONG>";

/** Bounded repetitions with no alternatives that begin alike: each is linear. */
const UNIX_HOME = /(\/(?:home|Users|run\/media)\/)[^/\s"':;,<>]{1,256}/g;
const WINDOWS_HOME =
  /([A-Za-z]:[\\/]+Users[\\/]+)(?:[^\\/:*?"<>|\r\n]{1,64}(?=[\\/])|[^\\/:*?"'<>|\s]{1,64})/gi;
/** From a scheme on; what comes before it in the word, such as `--url=`, stays. */
const SCHEME = /[A-Za-z][A-Za-z\d+.-]{0,31}:\/\/[^\s"'<>]*/g;
const QUERY = /\?[^\s"'<>?]{0,512}=[^\s"'<>]*/g;
/** Characters of a mail address's two halves; which of them are one is looked at by hand. */
const AT_SIGN = /[\w.+%-]{1,128}@[\w.-]{1,255}/g;
const MAIL_HOST = /^[\w-][\w.-]*\.[A-Za-z]{2,}$/;

/** The option or variable whose value is a secret. */
const SENSITIVE =
  /pass(?:w(?:or)?d|phrase|code)?$|pass(?:wd|word|phrase)|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|signing[-_]?key|encryption[-_]?key|auth(?:orization|key|key)?$|credential|cookie|session[-_]?(?:id|key)|^-{0,2}pin$/i;
/** What is called so, and holds no secret itself: the file with it is only a path. */
const HARMLESS = /(?:file|path|dir|url|uri|host|port|type|ttl|length|policy)$/i;
const ASSIGNMENT = /^(["']?-{0,2}\/?[A-Za-z_][\w.-]{0,127})([=:])(.*)$/s;
const OPTION = /^-{1,2}[\w.-]+$/;
const ENVIRONMENT = /^["']?[A-Z_][A-Z\d_]{0,127}$/;
const SCHEMES_OF_SECRETS = /^["']?(?:bearer|basic|digest|negotiate)$/i;
const PORT_LIKE = /^[\d.:/-]{1,32}$/;
const PORT_DIGITS_MAX = 5;
/** Programs that take the password right behind -p. */
const JOINED_PASSWORD = /^(?:mysql\w*|mariadb[\w-]*|sshpass|7z[ar]?|rar|unrar)$/i;

/** What the makers of tokens begin them with. */
const TOKENS = [
  /\bgh[pousr]_\w{8,}/g,
  /\bgithub_pat_\w{8,}/g,
  /\bglpat-[\w-]{8,}/g,
  /\bnpm_[A-Za-z\d]{16,}/g,
  /\bpypi-[\w-]{16,}/g,
  /\b(?:AKIA|ASIA|AROA|AIDA)[A-Z\d]{12,}/g,
  /\bAIza[\w-]{20,}/g,
  /\bya29\.[\w-]{10,}/g,
  /\bxox[a-z]-[\w-]{8,}/g,
  /\b(?:sk|pk|rk)[-_][\w-]{16,}/g,
  /\bhf_[A-Za-z\d]{16,}/g,
  /\bSG\.[\w-]{16,}(?:\.[\w-]{0,256})?/g,
  /\beyJ[\w-]{8,}(?:\.[\w-]{0,4096}){0,4}/g,
  /\bwb[jk]\d?[._][\w.-]{8,}/g,
];
const HEXADECIMAL = /(?<![\dA-Za-z])[\dA-Fa-f]{32,}(?![A-Za-z\d])/g;
const KEY_LIKE = /[\w+-]{32,}={0,2}/g;
const KEY_LIKE_WITH_SLASH = /[\w+/-]{40,}={0,2}/g;
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** The arguments as one line of at most 500 characters. A value of several words is taken out whole. */
export function sanitizeCommandLine(words: readonly string[]): string {
  const told: string[] = [];
  let length = 0;
  let before = "";
  for (const word of words) {
    if (length > LOOKED_AT_MAX) break;
    // What comes after an option that names a secret is one, however many words it has.
    const isValue = before !== "" && takesSecret(before, word) && !SCHEMES_OF_SECRETS.test(word);
    const part = isValue && /\s/.test(word) ? SECRET : word.slice(0, LOOKED_AT_MAX);
    told.push(part);
    length += part.length + 1;
    before = word;
  }
  return sanitizeText(told.join(" "));
}

/** A line of at most 500 characters: spaces between its words are single ones, control characters are gone. */
export function sanitizeText(text: string): string {
  return untilStable(text, COMMAND_LINE_MAX, (line) => {
    const words = lookedAt(line.replaceAll(CONTROL, " ")).replaceAll(WINDOWS_HOME, `$1${USER}`).split(" ");
    return sanitizeWords(words.filter((word) => word !== "")).join(" ");
  });
}

/** A path of at most 4096 characters. Its case and its form stay. */
export function sanitizePath(path: string): string {
  return untilStable(path, PATH_MAX, (text) =>
    secrets(addresses(homes(text.slice(0, PATH_MAX).replaceAll(CONTROL, "\u{fffd}")))),
  );
}

/** The name of a program or of its maker, at most 255 characters. */
export function sanitizeName(name: string): string {
  return untilStable(name, NAME_MAX, (text) =>
    secrets(addresses(homes(text.slice(0, PATH_MAX).replaceAll(CONTROL, "\u{fffd}")))),
  );
}

/** Applies it until nothing changes: a cut may leave something that only now looks like what is taken out. */
function untilStable(text: string, lengthMax: number, change: (text: string) => string): string {
  let now = cut(change(text), lengthMax);
  for (let pass = 1; pass < PASSES_MAX; pass += 1) {
    const next = cut(change(now), lengthMax);
    if (next === now) return now;
    now = next;
  }
  return cut(change(now), lengthMax) === now ? now : "";
}

/** At most so many characters, never half of a surrogate pair, and no space at the end. */
function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const last = text.charCodeAt(lengthMax - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHalf ? lengthMax - 1 : lengthMax).trimEnd();
}

/** The beginning, up to the end of a word: half a secret is not known for one. */
function lookedAt(text: string): string {
  if (text.length <= LOOKED_AT_MAX) return text;
  const end = text.lastIndexOf(" ", LOOKED_AT_MAX);
  return end <= 0 ? LONG : text.slice(0, end);
}

function sanitizeWords(words: readonly string[]): string[] {
  const program = (words[0] ?? "").slice(-WORD_MAX).split(/[\\/]/).at(-1) ?? "";
  const told: string[] = [];
  let before = "";
  for (const word of words) {
    told.push(sanitizeWord(word, before, program));
    before = word;
  }
  return told;
}

function sanitizeWord(word: string, before: string, program: string): string {
  if (word.length > WORD_MAX) return LONG;
  if (SCHEMES_OF_SECRETS.test(before) || takesSecret(before, word))
    return SCHEMES_OF_SECRETS.test(word) ? word : SECRET;
  if (JOINED_PASSWORD.test(program) && /^-p[^\s=-]/.test(word)) return `-p${SECRET}`;
  const assignment = ASSIGNMENT.exec(word);
  if (assignment !== null) {
    const [, name = "", sign = "=", value = ""] = assignment;
    const told = assigned(name, sign, value);
    if (told !== undefined) return told;
  }
  return secrets(addresses(homes(urls(word))));
}

/** Undefined where the value is nothing special. */
function assigned(name: string, sign: string, value: string): string | undefined {
  if (value === "" || value.startsWith("//") || value.startsWith("\\")) return undefined;
  if (isSensitive(name)) return `${name}${sign}${SECRET}`;
  if (sign === "=" && ENVIRONMENT.test(name)) return `${name}=${VALUE}`;
  return undefined;
}

function isSensitive(name: string): boolean {
  return SENSITIVE.test(name) && !HARMLESS.test(name);
}

/** Whether `before` is an option, or a header's name, whose value is the word that follows. */
function takesSecret(before: string, word: string): boolean {
  if (before.length > WORD_MAX || word === "") return false;
  // `-p` is a password for some programs and a port for others.
  if (before === "-p") return !word.startsWith("-") && !isPort(word);
  if (before === "-u" || before === "--user" || before === "-U")
    return word.includes(":") && !word.startsWith("-") && !/^\d{1,10}:\d{1,10}$/.test(word);
  if (word.startsWith("-")) return false;
  if (before.startsWith("-")) return OPTION.test(before) && isSensitive(before);
  return (
    before.endsWith(":") && !before.includes("/") && isSensitive(before.slice(0, -1).replace(/^["']/, ""))
  );
}

function isPort(word: string): boolean {
  return PORT_LIKE.test(word) && word.split(/[.:/-]/).every((part) => part.length <= PORT_DIGITS_MAX);
}

function urls(text: string): string {
  return text.replaceAll(SCHEME, URL_MARK).replaceAll(QUERY, "?<QUERY>");
}

function homes(text: string): string {
  return text.replaceAll(WINDOWS_HOME, `$1${USER}`).replaceAll(UNIX_HOME, `$1${USER}`);
}

/** A mail address is gone as a whole; of a user at a host that is no mail host (`me@10.0.0.1`) the user is. */
function addresses(text: string): string {
  if (!text.includes("@")) return text;
  return text.replaceAll(AT_SIGN, (found) => {
    const host = found.slice(found.lastIndexOf("@") + 1);
    return MAIL_HOST.test(host) ? EMAIL : `${USER}@${host}`;
  });
}

function secrets(text: string): string {
  let told = text;
  for (const pattern of TOKENS) told = told.replaceAll(pattern, SECRET);
  return told
    .replaceAll(HEXADECIMAL, KEY)
    .replaceAll(KEY_LIKE, (run) => (isKeyLike(run) ? KEY : run))
    .replaceAll(KEY_LIKE_WITH_SLASH, (run, offset: number) =>
      !run.startsWith("/") && told.charCodeAt(offset - 1) !== 0x2f && isKeyLike(run) ? KEY : run,
    );
}

/** Digits, capitals and small letters, three of each at least, as in few words of any language. */
function isKeyLike(run: string): boolean {
  let digits = 0;
  let capitals = 0;
  let small = 0;
  for (let index = 0; index < run.length; index += 1) {
    const code = run.charCodeAt(index);
    if (code >= 0x30 && code <= 0x39) digits += 1;
    else if (code >= 0x41 && code <= 0x5a) capitals += 1;
    else if (code >= 0x61 && code <= 0x7a) small += 1;
  }
  return digits >= 3 && capitals >= 3 && small >= 3;
}
