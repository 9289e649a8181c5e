/** The shape of the configuration file. Strict: a key that nobody reads is a mistake, and is told as one. Loads zod. */
import { z } from "zod";
import { allSettings, type SettingDescription } from "./settings.ts";

const VALUE_TYPES = {
  text: z.string(),
  duration: z.union([z.string(), z.number()]),
  count: z.number().int(),
  switch: z.boolean(),
} as const;

const TABLES = Map.groupBy(allSettings(), (setting) => setting.table);

function tableSchema(settings: readonly SettingDescription[]): z.ZodOptional<z.ZodObject> {
  const shape = settings.map((setting) => [setting.key, VALUE_TYPES[setting.fileType].optional()] as const);
  return z.strictObject(Object.fromEntries(shape)).optional();
}

export const CONFIG_SCHEMA = z.strictObject(
  Object.fromEntries([...TABLES].map(([table, settings]) => [table, tableSchema(settings)])),
);

/** Every key that a table may have; the top of the file is the table with the empty name. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": [...TABLES.keys()],
  ...Object.fromEntries([...TABLES].map(([table, settings]) => [table, settings.map((each) => each.key)])),
};
