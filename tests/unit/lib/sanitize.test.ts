/** What is taken out of command lines, paths and names: a table of cases, and what holds for every text. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { sanitizeCommandLine, sanitizeName, sanitizePath, sanitizeText } from "../../../src/lib/sanitize.ts";

const HEX_64 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

const LINES: readonly (readonly [words: readonly string[], told: string])[] = [
  [["ls", "-l", "/home/anna/secret plans"], "ls -l /home/<USER>/secret plans"],
  [["vi", "/home/anna"], "vi /home/<USER>"],
  [["vi", "/var/home/anna/x"], "vi /var/home/<USER>/x"],
  [["open", "/Users/Anna B/x"], "open /Users/<USER> B/x"],
  [["vi", "/root/.bashrc"], "vi /root/.bashrc"],
  [[String.raw`C:\Users\Anna Berg\AppData\x.exe`, "/s"], String.raw`C:\Users\<USER>\AppData\x.exe /s`],
  [["x", "c:/users/anna"], "x c:/users/<USER>"],
  [["curl", "https://anna:pw@example.org/a?b=c"], "curl <URL>"],
  [["x", "--url=ftp://example.org/x", "y"], "x --url=<URL> y"],
  [["wget", "example.org/a?user=anna&b=1"], "wget example.org/a?<QUERY>"],
  [["mail", "anna.berg@example.co.uk,bo@x.de"], "mail <EMAIL>,<EMAIL>"],
  [["ssh", "anna@10.0.0.7"], "ssh <USER>@10.0.0.7"],
  [["ping", "192.0.2.1", "2001:db8::1"], "ping 192.0.2.1 2001:db8::1"],
  [["nc", "-p", "8080", "192.0.2.1"], "nc -p 8080 192.0.2.1"],
  [["docker", "run", "-p", "127.0.0.1:80:8080"], "docker run -p 127.0.0.1:80:8080"],
  [["x", "-p", "hunter2", "y"], "x -p <SECRET> y"],
  [["x", "-p", "1234567"], "x -p <SECRET>"],
  [["mysql", "-u", "root", "-phunter2", "db"], "mysql -u root -p<SECRET> db"],
  [["/usr/bin/sshpass", "-phunter2"], "/usr/bin/sshpass -p<SECRET>"],
  [["find", "-print"], "find -print"],
  [["curl", "-u", "anna:pw", "x"], "curl -u <SECRET> x"],
  [["docker", "-u", "1000:1000"], "docker -u 1000:1000"],
  [
    ["x", "--password=a", "--db-password", "b", "--token", "c", "--API_KEY=d"],
    "x --password=<SECRET> --db-password <SECRET> --token <SECRET> --API_KEY=<SECRET>",
  ],
  [["x", "--password", "many words in one"], "x --password <SECRET>"],
  [["x", "--password", "--host", "h"], "x --password --host h"],
  [["x", "--password-file=/etc/pw", "--auth-url", "local"], "x --password-file=/etc/pw --auth-url local"],
  [
    ["env", "HOME_X=/a", "AWS_SECRET=1", "prog", "name=value"],
    "env HOME_X=<VALUE> AWS_SECRET=<SECRET> prog name=value",
  ],
  [["curl", "-H", "Authorization: Bearer abc.def"], "curl -H Authorization: Bearer <SECRET>"],
  [["curl", "-H", "X-Api-Key: abc", "-H", "Cookie:a=b"], "curl -H X-Api-Key: <SECRET> -H Cookie:<SECRET>"],
  [["git", "ghp_0123456789abcdefABCDEF0123456789abcd"], "git <SECRET>"],
  [["x", "AKIAIOSFODNN7EXAMPLE", "sk-proj-0123456789abcdef"], "x <SECRET> <SECRET>"],
  [["x", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY01"], "x <KEY>"],
  [["x", JWT, "k=xoxb-12345678-abc"], "x <SECRET> k=<SECRET>"],
  [["shim", "-id", HEX_64], "shim -id <KEY>"],
  [["x", `/var/lib/docker/${HEX_64}/merged`], "x /var/lib/docker/<KEY>/merged"],
  [
    ["WebKit", "/usr/lib/x86_64-linux-gnu/webkit2gtk/WebKitNetworkProcess12345/ABC"],
    "WebKit /usr/lib/x86_64-linux-gnu/webkit2gtk/WebKitNetworkProcess12345/ABC",
  ],
  [["a\u0000b", "c\u001b[31m", "", "  d\n e"], "a b c [31m d e"],
  [["node", "x".repeat(5000), "y"], "node <LONG> y"],
  [[], ""],
];

describe("command lines", () => {
  for (const [words, told] of LINES) {
    test(told.slice(0, 80) || "nothing", () => expect(sanitizeCommandLine(words)).toBe(told));
  }

  test("have at most 500 characters, and never half of one", () => {
    expect(sanitizeCommandLine(["z".repeat(499), "b"])).toBe("z".repeat(499));
    const astral = sanitizeText(`${"z".repeat(499)}\u{1f600}`);
    expect(astral).toBe("z".repeat(499));
  });
});

describe("paths and names", () => {
  test.each([
    ["/usr/bin/python3.11", "/usr/bin/python3.11"],
    ["/home/anna/bin/tool", "/home/<USER>/bin/tool"],
    [String.raw`D:\Users\Anna Berg\tool.exe`, String.raw`D:\Users\<USER>\tool.exe`],
    [`/tmp/${HEX_64}`, "/tmp/<KEY>"],
    ["/srv/anna@example.org/x y", "/srv/<EMAIL>/x y"],
    ["/tmp/\u001b]0;x\u0007", "/tmp/\u{fffd}]0;x\u{fffd}"],
  ])("%s", (path, told) => expect(sanitizePath(path)).toBe(told));

  test("a maker's name loses the address", () => {
    expect(sanitizeName("Anna <anna@example.org>")).toBe("Anna <<EMAIL>>");
  });
});

/** Texts that are made of what is looked for. */
const fragments = fc.oneof(
  fc.constantFrom(
    " ",
    "=",
    ":",
    "-",
    "--",
    "@",
    "/",
    "\\",
    "?",
    ".",
    "<USER>",
    "<KEY>",
    "/home/",
    "C:\\Users\\",
    "https://",
    "password",
    "--token",
    "-p",
    "Bearer",
    "Authorization:",
    "eyJ",
    "ghp_",
    "sk-",
    "AKIA",
    "A=",
    "a@b.de",
    "mysql",
    "0123456789abcdef0123456789abcdef",
    "aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3",
    "\u{1f600}",
    "\u0007",
  ),
  fc.string({ maxLength: 12 }),
);
const texts = fc.array(fragments, { maxLength: 200 }).map((parts) => parts.join(""));

describe("every text", () => {
  test("once sanitized stays as it is, within its bound", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const told = sanitizeText(text);
        expect(told.length).toBeLessThanOrEqual(500);
        expect(sanitizeText(told)).toBe(told);
        expect(told.isWellFormed() || !text.isWellFormed()).toBe(true);
        for (const sanitize of [sanitizePath, sanitizeName])
          expect(sanitize(sanitize(text))).toBe(sanitize(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("as arguments is the same as sanitized again", () => {
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 5 }), (words) => {
        const told = sanitizeCommandLine(words);
        expect(sanitizeText(told)).toBe(told);
      }),
      { numRuns: 500 },
    );
  });

  test("keeps no secret that is marked as one", () => {
    const secret = fc.stringMatching(/^q[a-z\d]{6,20}q$/);
    const forms = fc.constantFrom(
      (it: string) => ["x", `--password=${it}`],
      (it: string) => ["x", "--secret", it],
      (it: string) => ["x", "-p", it],
      (it: string) => ["x", `DB_TOKEN=${it}`],
      (it: string) => ["x", `https://u:${it}@h/`],
      (it: string) => ["x", `Authorization: Bearer ${it}`],
      (it: string) => ["x", `/home/${it}/file`],
      (it: string) => ["x", `${it}@example.org`],
    );
    fc.assert(
      fc.property(secret, forms, (it, form) => {
        expect(sanitizeCommandLine(form(it))).not.toContain(it);
      }),
    );
  });

  test.each([
    ["letters", "a".repeat(1_000_000)],
    ["words", "ab ".repeat(333_333)],
    ["colons", "a:".repeat(500_000)],
    ["dots", "a.".repeat(500_000)],
    ["signs", "a@".repeat(500_000)],
    ["slashes", "/home/".repeat(166_666)],
    ["back slashes", "C:\\Users\\".repeat(111_111)],
    ["queries", "?a".repeat(500_000)],
    ["spaces", " ".repeat(1_000_000)],
    ["tokens", "eyJeyJeyJ.".repeat(100_000)],
  ])("of a megabyte of %s takes no time", (_what, text) => {
    const startMs = performance.now();
    sanitizeText(text);
    sanitizePath(text);
    sanitizeName(text);
    sanitizeCommandLine([text, text]);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});
