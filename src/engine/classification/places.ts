/** What a path tells of a program, beside its name: where games, browsers, tools and the system itself are installed. */
import type { ProcessCategory } from "../../model/categories.ts";

/** In front of others: the first that fits. All in lower case with `/`, for Windows too. */
const PLACES: readonly (readonly [RegExp, ProcessCategory])[] = [
  [/\/steamapps\/common\//, "game"],
  [/\/usr\/(?:local\/)?(?:lib\/|share\/)?games\//, "game"],
  [/\/(?:epic games|gog games|gog galaxy\/games|xboxgames|riot games|ea games|origin games)\//, "game"],
  [/\/(?:ubisoft game launcher\/games|battle\.net\/|rockstar games)\//, "game"],
  [/\/(?:\.minecraft|minecraft launcher|prismlauncher\/|\.prismlauncher)\//, "game"],
  [/\/(?:roblox\/versions|\.itch\/apps|itch\/apps|games\/heroic)\//, "game"],
  [/\/(?:steam\.app|steam\/ubuntu12_(?:32|64))\//, "game"],
  [
    /\/(?:google\/chrome|google chrome\.app|chromium|firefox|firefox-esr|mozilla firefox|firefox\.app)\//,
    "browser",
  ],
  [
    /\/(?:brave-browser|bravesoftware|microsoft\/edge|microsoft\/edgewebview|microsoft edge\.app)\//,
    "browser",
  ],
  [/\/(?:vivaldi|opera|librewolf|safari\.app|waterfox|tor-browser)\//, "browser"],
  [/\/(?:libreoffice|openoffice\d?|microsoft office|onlyoffice)\//, "productivity"],
  [
    /\/(?:jetbrains|jetbrains-toolbox|android studio|xcode\.app|commandlinetools|microsoft visual studio)\//,
    "development",
  ],
  [
    /\/(?:usr\/lib\/(?:gcc|llvm-?\d*|jvm|go|node_modules|git-core)|usr\/libexec\/(?:gcc|git-core))\//,
    "development",
  ],
  [
    /\/(?:android\/sdk|node_modules|\.cargo\/bin|\.rustup|\.pyenv|\.nvm|\.sdkman|go\/bin|\.vscode|\.vscode-server)\//,
    "development",
  ],
  [/\/(?:thunderbird|mozilla thunderbird|zoom\.us\.app)\//, "communication"],
  [
    /^[a-z]:\/windows\/(?:system32|syswow64|sysnative|winsxs|servicing|systemapps|immersivecontrolpanel|microsoft\.net|uus)\//,
    "system",
  ],
  [/^[a-z]:\/windows\/[^/]+$/, "system"],
  [/^[a-z]:\/programdata\/microsoft\/windows defender\//, "system"],
  [/^\/system\/library\/|^\/library\/apple\/system\//, "system"],
  [
    /^(?:\/usr)?\/lib\/(?:systemd|udev|polkit-1|apt|dpkg|snapd|networkmanager|upower|gvfs|dbus-1\.0)\//,
    "system",
  ],
  [/^\/usr\/libexec\//, "system"],
];

/** Where people have to be root, or a package manager, to put something. */
const INSTALLED =
  /^(?:\/usr\/|\/bin\/|\/sbin\/|\/lib(?:32|64|x32)?\/|\/opt\/|\/snap\/|\/nix\/store\/|\/gnu\/store\/|\/app\/|\/var\/lib\/(?:flatpak|snapd)\/|\/applications\/|\/system\/|\/library\/|[a-z]:\/(?:program files|program files \(x86\)|windows|programdata)\/)/;
/** Where installers put programs for one person. */
const INSTALLED_FOR_ONE =
  /\/(?:appdata\/local|appdata\/roaming|applications|\.local\/share\/(?:steam|flatpak|jetbrains)|\.steam|\.cargo\/bin|\.rustup|\.nvm|\.pyenv|\.bun\/bin|\.deno\/bin|steamapps\/common)\//;
/** Anybody may put anything there, and what does not want to be known does. */
const ANYBODYS = /\/(?:te?mp|downloads?|desktop|shm)\//;

/** What runs programs of others: in a game's folder it runs the game. */
const RUNTIMES = new Set(
  (
    "java, javaw, python, python3, pythonw, node, nodejs, wine, wine64, wineserver, wine-preloader, wine64-preloader, " +
    "mono, mono-sgen, electron, love, dotnet, perl, ruby, lua, bash, sh, nw, renpy, godot, cmd"
  ).split(", "),
);

export type Standing = "installed" | "unknown" | "anybodys";

/** In lower case with `/`, or undefined where there is none. */
export function plainPath(path: string | null): string | undefined {
  if (path === null || path === "") return undefined;
  return path
    .toLowerCase()
    .replaceAll("\\", "/")
    .replace(/^\/\/\?\//, "");
}

export function placeCategory(path: string): ProcessCategory | undefined {
  return PLACES.find(([place]) => place.test(path))?.[1];
}

/** How far the place itself can be trusted. */
export function standingOf(path: string): Standing {
  if (INSTALLED.test(path)) return "installed";
  // Only below a person's own folder is a program of that person's: `/tmp/applications/` is nobody's.
  if (ANYBODYS.test(path)) return "anybodys";
  return INSTALLED_FOR_ONE.test(path) ? "installed" : "unknown";
}

export function isRuntime(name: string): boolean {
  return RUNTIMES.has(name);
}
