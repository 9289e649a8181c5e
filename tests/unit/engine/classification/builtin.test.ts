/** The built-in list: real programs as they are seen, names that only look like them, and what is not believed. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  BUILTIN_NAMES,
  HINT_ALONE,
  NAME_ALONE,
  NAME_AND_PLACE,
  builtinCategory,
} from "../../../../src/engine/classification/builtin.ts";
import { nameForms } from "../../../../src/engine/classification/program-name.ts";
import { CATEGORIES, isCategory, type ProcessCategory } from "../../../../src/model/categories.ts";

type Row = readonly [
  name: string,
  path: string | null,
  category: ProcessCategory | undefined,
  confidence?: number,
];

const SURE = NAME_AND_PLACE;

const PROGRAMS: readonly Row[] = [
  ["steam", null, "game", NAME_ALONE],
  ["steam.exe", "C:\\Program Files (x86)\\Steam\\steam.exe", "game", SURE],
  ["steamwebhelper", "/home/<USER>/.local/share/Steam/ubuntu12_64/steamwebhelper", "game", SURE],
  ["hl2_linux", "/home/<USER>/.local/share/Steam/steamapps/common/Half-Life 2/hl2_linux", "game", SURE],
  ["nobody-knows-me", "/mnt/games/steamapps/common/Some Game/nobody-knows-me", "game", HINT_ALONE],
  ["FooBar.exe", "D:\\SteamLibrary\\steamapps\\common\\FooBar\\FooBar.exe", "game", HINT_ALONE],
  ["java", "/home/<USER>/.minecraft/runtime/java-runtime-gamma/bin/java", "game", HINT_ALONE],
  ["blender", "/home/<USER>/.steam/steamapps/common/Blender/blender", "media", SURE],
  ["gnome-mines", "/usr/games/gnome-mines", "game", SURE],
  ["unheard-of", "/usr/games/unheard-of", "game", HINT_ALONE],
  ["EpicGamesLauncher.exe", "C:\\Program Files\\Epic Games\\Launcher\\EpicGamesLauncher.exe", "game", SURE],
  [
    "RobloxPlayerBeta.exe",
    "C:\\Users\\<USER>\\AppData\\Local\\Roblox\\Versions\\v1\\RobloxPlayerBeta.exe",
    "game",
    SURE,
  ],
  ["minecraft-launcher", "/opt/minecraft-launcher/minecraft-launcher", "game", SURE],
  ["chrome", "/opt/google/chrome/chrome", "browser", SURE],
  ["chrome.exe", "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe", "browser", SURE],
  ["Google Chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "browser", SURE],
  ["Google Chrome Helper (Renderer)", null, "browser", NAME_ALONE],
  ["firefox-esr", "/usr/lib/firefox-esr/firefox-esr", "browser", SURE],
  ["firefox-bin", null, "browser", NAME_ALONE],
  ["Isolated Web Co", "/usr/lib/firefox/firefox", "browser", SURE],
  [".firefox-wrapped", "/nix/store/abc-firefox-120/bin/.firefox-wrapped", "browser", SURE],
  ["msedge.exe", "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe", "browser", SURE],
  [
    "Safari",
    "/System/Volumes/Preboot/Cryptexes/App/System/Applications/Safari.app/Contents/MacOS/Safari",
    "browser",
    SURE,
  ],
  ["qutebrowser", "/usr/bin/python3.11", "browser", NAME_ALONE],
  ["discord", "/usr/share/discord/Discord", "social_media", SURE],
  ["Discord.exe", "C:\\Users\\<USER>\\AppData\\Local\\Discord\\app-1.0\\Discord.exe", "social_media", SURE],
  ["slack", "/usr/lib/slack/slack", "social_media", SURE],
  ["Slack Helper (GPU)", null, "social_media", NAME_ALONE],
  ["ms-teams.exe", null, "social_media", NAME_ALONE],
  ["zoom", "/opt/zoom/zoom", "communication", SURE],
  ["zoom.us", "/Applications/zoom.us.app/Contents/MacOS/zoom.us", "communication", SURE],
  ["Skype.exe", null, "communication", NAME_ALONE],
  ["WhatsApp", "/Applications/WhatsApp.app/Contents/MacOS/WhatsApp", "communication", SURE],
  ["telegram-desktop", "/usr/bin/telegram-desktop", "communication", SURE],
  ["thunderbird", "/usr/lib/thunderbird/thunderbird", "communication", SURE],
  ["OUTLOOK.EXE", "C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE", "communication", SURE],
  ["soffice.bin", "/usr/lib/libreoffice/program/soffice.bin", "productivity", SURE],
  ["WINWORD.EXE", "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE", "productivity", SURE],
  ["obsidian", null, "productivity", NAME_ALONE],
  ["gimp-2.10", "/usr/bin/gimp-2.10", "productivity", SURE],
  ["Notion", "/Applications/Notion.app/Contents/MacOS/Notion", "productivity", SURE],
  ["code", "/usr/share/code/code", "development", SURE],
  ["codec", "/usr/bin/codec", undefined],
  [
    "Code.exe",
    "C:\\Users\\<USER>\\AppData\\Local\\Programs\\Microsoft VS Code\\Code.exe",
    "development",
    SURE,
  ],
  ["idea64.exe", null, "development", NAME_ALONE],
  ["node", "/usr/bin/node", "development", SURE],
  ["node", "/tmp/node", "development", NAME_ALONE],
  ["node18", "/usr/bin/node18", "development", SURE],
  ["python3.11", "/usr/bin/python3.11", "development", SURE],
  ["python3", "/usr/bin/python3.11", "development", SURE],
  ["pythonic-thing", null, undefined],
  ["gcc-13", "/usr/bin/x86_64-linux-gnu-gcc-13", "development", NAME_ALONE],
  ["cc1plus", "/usr/libexec/gcc/x86_64-linux-gnu/13/cc1plus", "development", SURE],
  ["git", "/usr/bin/git", "development", SURE],
  ["git-remote-http", "/usr/lib/git-core/git-remote-https", "development", SURE],
  ["nginx: worker process", "/usr/sbin/nginx", "development", SURE],
  ["postgres: checkpointer ", "/usr/lib/postgresql/16/bin/postgres", "development", SURE],
  ["dockerd", "/usr/bin/dockerd", "development", SURE],
  ["beam.smp", "/usr/lib/erlang/erts-13/bin/beam.smp", "development", SURE],
  ["spotify", "/snap/spotify/70/usr/share/spotify/spotify", "media", SURE],
  ["vlc.exe", null, "media", NAME_ALONE],
  ["mpv", "/usr/bin/mpv", "media", SURE],
  ["obs64.exe", "C:\\Program Files\\obs-studio\\bin\\64bit\\obs64.exe", "media", SURE],
  ["ffmpeg", "/usr/bin/ffmpeg", "media", SURE],
  ["7z", "/usr/bin/7z", "utility", SURE],
  ["7zFM.exe", "C:\\Program Files\\7-Zip\\7zFM.exe", "utility", SURE],
  ["Taskmgr.exe", "C:\\Windows\\System32\\Taskmgr.exe", "utility", SURE],
  ["-bash", "/usr/bin/bash", "utility", SURE],
  ["gnome-terminal-", "/usr/libexec/gnome-terminal-server", "utility", SURE],
  ["htop", "/usr/bin/htop", "utility", SURE],
  ["systemd", "/usr/lib/systemd/systemd", "system", SURE],
  ["(sd-pam)", "/usr/lib/systemd/systemd", "system", SURE],
  ["systemd-timesyn", "/usr/lib/systemd/systemd-timesyncd", "system", SURE],
  ["sshd: anna@pts/0", "/usr/sbin/sshd", "system", SURE],
  ["svchost.exe", "C:\\Windows\\System32\\svchost.exe", "system", SURE],
  ["svchost.exe", null, "system", NAME_ALONE],
  ["svchost.exe", "C:\\Users\\<USER>\\Downloads\\svchost.exe", undefined],
  ["systemd", "/tmp/systemd", undefined],
  ["unknownsvc.exe", "C:\\Windows\\System32\\unknownsvc.exe", "system", HINT_ALONE],
  ["explorer.exe", "C:\\Windows\\explorer.exe", "system", SURE],
  ["mDNSResponder", "/usr/sbin/mDNSResponder", "system", SURE],
  [
    "WindowServer",
    "/System/Library/PrivateFrameworks/SkyLight.framework/Resources/WindowServer",
    "system",
    SURE,
  ],
  ["kworker/0:1-events", null, "system", SURE],
  ["[kthreadd]", null, "system", SURE],
  ["kworker/0:1", "/tmp/kworker/0:1", undefined],
  ["gnome-shell", "/usr/bin/gnome-shell", "system", SURE],
  ["my-own-thing", "/home/<USER>/bin/my-own-thing", undefined],
  ["", null, undefined],
];

describe("builtinCategory", () => {
  for (const [name, path, category, confidence] of PROGRAMS) {
    test(`${name} at ${path ?? "an unknown place"} is ${category ?? "not known"}`, () => {
      const answer = builtinCategory({ name, path, publisher: null });
      expect(answer).toEqual(category === undefined ? undefined : { category, confidence: confidence ?? 0 });
    });
  }

  test("the maker decides where the name tells nothing, and confirms it where it does", () => {
    const of = (name: string, publisher: string) => builtinCategory({ name, path: null, publisher });
    expect(of("whatever.exe", "Valve Corporation")).toEqual({ category: "game", confidence: HINT_ALONE });
    expect(of("whatever.exe", "Discord Inc.")).toEqual({ category: "social_media", confidence: HINT_ALONE });
    expect(of("steam.exe", "Valve Corp.")).toEqual({ category: "game", confidence: NAME_AND_PLACE });
    expect(of("whatever.exe", "JetBrains s.r.o.")).toEqual({
      category: "development",
      confidence: HINT_ALONE,
    });
    expect(of("whatever", "Somebody <a@b.example>")).toBeUndefined();
  });

  test("knows far more than five hundred programs, in all categories but unknown, each in one", () => {
    const categories = new Map<string, Set<ProcessCategory>>();
    for (const [category, text] of BUILTIN_NAMES) {
      for (const name of text.split(/[,\n]/).map((each) => each.trim())) {
        if (name === "") continue;
        expect(name).toBe(name.toLowerCase());
        categories.set(name, (categories.get(name) ?? new Set()).add(category));
      }
    }
    const ambiguous = [...categories].filter(([, of]) => of.size > 1).map(([name]) => name);
    expect(ambiguous).toEqual([]);
    expect(categories.size).toBeGreaterThan(5000);
    const told = new Set(BUILTIN_NAMES.map(([category]) => category));
    expect(CATEGORIES.filter((category) => !told.has(category))).toEqual(["unknown"]);
  });

  test("finds every name of its list in the category where it stands, also with .exe", () => {
    const wrong: string[] = [];
    for (const [category, text] of BUILTIN_NAMES) {
      for (const name of text.split(/[,\n]/).map((each) => each.trim())) {
        if (name === "") continue;
        for (const form of [name, `${name.toUpperCase()}.EXE`]) {
          const found = builtinCategory({ name: form, path: null, publisher: null });
          if (found?.category !== category) wrong.push(`${form}: ${found?.category}, not ${category}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("never throws, and says how sure it is, whatever it is asked", () => {
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 400 }), fc.string({ unit: "grapheme" }));
    const path = fc.oneof(
      fc.constant(null),
      text,
      fc
        .tuple(fc.constantFrom("/usr/bin/", "C:\\Windows\\", "/tmp/", "/steamapps/common/"), text)
        .map((parts) => parts.join("")),
    );
    const publisher = fc.option(text, { nil: null });
    fc.assert(
      fc.property(text, path, publisher, (name, path, publisher) => {
        const answer = builtinCategory({ name, path, publisher });
        if (answer === undefined) return;
        expect(isCategory(answer.category)).toBe(true);
        expect([HINT_ALONE, NAME_ALONE, NAME_AND_PLACE]).toContain(answer.confidence);
      }),
      { numRuns: 2000 },
    );
  });

  test("takes no longer for a hostile name than for another", () => {
    const hostile = [
      "-".repeat(1e6),
      "a ".repeat(5e5),
      ".".repeat(1e6),
      "1.".repeat(5e5),
      `.${"x-wrapped".repeat(1e5)}`,
    ];
    const beganMs = performance.now();
    for (const name of hostile) builtinCategory({ name, path: `/${name}/`, publisher: name });
    expect(performance.now() - beganMs).toBeLessThan(20_000);
  });
});

describe("nameForms", () => {
  test("go from the name as it is to what is left of it", () => {
    expect(nameForms("Python3.11.exe")).toEqual(["python3.11.exe", "python3.11", "python"]);
    expect(nameForms("/usr/lib/x/soffice.bin")).toEqual(["soffice.bin", "soffice"]);
    expect(nameForms("7z")).toEqual(["7z"]);
    expect(nameForms("nginx: worker process")).toEqual(["nginx: worker process", "nginx"]);
  });
});
