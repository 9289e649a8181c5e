/** Makers whose programs are of one kind, so that the maker decides where name and place tell nothing. */
import type { ProcessCategory } from "../../model/categories.ts";

const MAKERS: readonly (readonly [ProcessCategory, string])[] = [
  [
    "game",
    "valve, valve corp, valve corporation, electronic arts, epic games, riot games, blizzard entertainment, " +
      "activision blizzard, ubisoft, ubisoft entertainment, rockstar games, roblox corporation, mojang, mojang ab, " +
      "mojang synergies, supercell, cd projekt, cd projekt red, gog, bethesda softworks, bungie, wargaming.net, " +
      "wargaming group, gaijin network, cognosphere, mihoyo, hoyoverse, square enix, capcom, sega, bandai namco, " +
      "nexon, ncsoft, krafton, digital extremes, grinding gear games, paradox interactive, take-two interactive, " +
      "feral interactive, overwolf, easyanticheat oy, battleye innovations",
  ],
  [
    "browser",
    "brave software, vivaldi technologies, opera norway, opera software, the browser company of new york",
  ],
  ["social_media", "discord, slack technologies, facebook, meta platforms, tiktok, bytedance pte, snap"],
  [
    "communication",
    "zoom video communications, whatsapp, telegram fz-llc, telegram messenger, signal messenger, viber media, skype",
  ],
  ["productivity", "notion labs, obsidian, evernote, dropbox, figma, the document foundation, canva"],
  [
    "development",
    "jetbrains, docker, github, gitlab, postman, python software foundation, node.js foundation, openjs foundation, sublime hq, anysphere, unity technologies",
  ],
  [
    "media",
    "spotify, videolan, plex, netflix, obs project, blackmagic design, ableton, image-line, native instruments, audacity team",
  ],
  [
    "utility",
    "igor pavlov, rarlab, win.rar, teamviewer germany, anydesk software, piriform software, agilebits, bitwarden, nordvpn, mullvad vpn, malwarebytes, voidtools, logitech, razer usa, corsair memory, steelseries aps",
  ],
  [
    "system",
    "microsoft windows, microsoft windows publisher, microsoft windows hardware compatibility publisher",
  ],
];
/** What stands behind a company's name, and says nothing of it. */
const LEGAL_FORM =
  /[\s,]+(?:inc|incorporated|llc|l\.l\.c|ltd|limited|gmbh|ab|s\.?r\.?o|s\.?a|sas|bv|b\.v|corp|co|oy|plc|pty|pte)\.?$/;

const CATEGORY_OF = new Map(
  MAKERS.flatMap(([category, makers]) => makers.split(", ").map((maker) => [maker, category] as const)),
);

/** `Discord Inc.` and `Discord, Inc.` are one; an address behind the name (`Debian … <a@b>`) is no part of it. */
export function publisherCategory(publisher: string | null): ProcessCategory | undefined {
  if (publisher === null) return undefined;
  let name = publisher
    .slice(0, 255)
    .toLowerCase()
    .replace(/\s*<.*$/, "")
    .trim();
  const known = CATEGORY_OF.get(name);
  if (known !== undefined) return known;
  for (let round = 0; round < 2; round += 1) name = name.replace(LEGAL_FORM, "");
  return CATEGORY_OF.get(name);
}
