/** The parent's store in one SQLite file: opened, or made with all its tables. */
import { createAgentStore } from "./agents.ts";
import { createClassificationStore } from "./classifications.ts";
import { createCommandStore } from "./commands.ts";
import type { FleetStore } from "./contract.ts";
import { createEventStore } from "./events.ts";
import { createPeopleStore } from "./people.ts";
import { FLEET_DATABASE } from "./schema.ts";
import { readSetting, whyNotWritable, writeSetting } from "./settings.ts";
import type { SqlDatabase } from "./sql.ts";
import { openSqlite, type SqliteOptions } from "./sqlite.ts";
import { createTokenStore } from "./tokens.ts";

/**
 * Only the holder of the parent's lock may call it: a damaged file is moved aside (`onSetAside` is told where to).
 * @throws WbError("storage") where the file is newer, another program's, or can't be opened
 */
export async function openFleetStore(path: string, options: SqliteOptions = {}): Promise<FleetStore> {
  return fleetStoreOn(openSqlite(path, FLEET_DATABASE, options));
}

/** On any database that has the tables. */
export function fleetStoreOn(database: SqlDatabase): FleetStore {
  return {
    agents: createAgentStore(database),
    tokens: createTokenStore(database),
    events: createEventStore(database),
    commands: createCommandStore(database),
    classifications: createClassificationStore(database),
    people: createPeopleStore(database),
    setting: (name) => readSetting(database, name),
    setSetting: (name, value) => writeSetting(database, name, value),
    check: () => whyNotWritable(database),
    close: () => database.close(),
  };
}
