/** The shape of the configuration file. Strict: a key that nobody reads is a mistake, and is told as one. Loads zod. */
import { z } from "zod";
import { SETTINGS, type Setting } from "./settings.ts";

const VALUE_TYPES = {
  text: z.string(),
  duration: z.union([z.string(), z.number()]),
  count: z.number().int(),
  switch: z.boolean(),
} as const;

const monitorShape = Object.fromEntries(
  Object.values<Setting<never>>(SETTINGS as never).map((setting) => [setting.key, VALUE_TYPES[setting.fileType].optional()]),
);

const historyShape = {
  "keep-hourly": z.union([z.string(), z.number()]).optional(),
  path: z.string().min(1).optional(),
};

export const CONFIG_SCHEMA = z.strictObject({
  monitor: z.strictObject(monitorShape).optional(),
  history: z.strictObject(historyShape).optional(),
});

/** Every key that a table may have; the top of the file is the table with the empty name. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": ["monitor", "history"],
  monitor: Object.keys(monitorShape),
  history: Object.keys(historyShape),
};
