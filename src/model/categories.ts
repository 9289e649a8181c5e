/** The ten categories that a program can be in, and who may have said so. */

export const CATEGORIES = [
  "game",
  "browser",
  "social_media",
  "productivity",
  "development",
  "communication",
  "media",
  "utility",
  "system",
  "unknown",
] as const;

export type ProcessCategory = (typeof CATEGORIES)[number];

/** Who said so. The later in this list, the stronger: a person's word is never replaced by another source. */
export const CLASSIFICATION_SOURCES = ["builtin", "upstream", "community", "parent_override"] as const;

export type ClassificationSource = (typeof CLASSIFICATION_SOURCES)[number];

export function isCategory(text: string): text is ProcessCategory {
  return (CATEGORIES as readonly string[]).includes(text);
}
