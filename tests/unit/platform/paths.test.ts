/** Where things are kept, by the XDG specification and systemd's variables. */
import { expect, test } from "bun:test";
import {
  cacheDirectory,
  configFiles,
  historyPath,
  runtimeDirectory,
  stateDirectory,
} from "../../../src/platform/paths.ts";

test("an ordinary home", () => {
  const env = { HOME: "/home/ada" };
  expect(stateDirectory(env)).toBe("/home/ada/.local/state/wirebound");
  expect(historyPath(env)).toBe("/home/ada/.local/state/wirebound/history.db");
  expect(cacheDirectory(env)).toBe("/home/ada/.cache/wirebound");
  expect(configFiles(env)).toEqual(["/home/ada/.config/wirebound/config.toml", "/etc/wirebound/config.toml"]);
});

test("the XDG variables win over the home, unless they are relative", () => {
  const env = {
    HOME: "/home/ada",
    XDG_STATE_HOME: "/s",
    XDG_CACHE_HOME: "c",
    XDG_CONFIG_HOME: "/k",
    XDG_RUNTIME_DIR: "/run/user/1000",
  };
  expect(stateDirectory(env)).toBe("/s/wirebound");
  expect(cacheDirectory(env)).toBe("/home/ada/.cache/wirebound");
  expect(configFiles(env)[0]).toBe("/k/wirebound/config.toml");
  expect(runtimeDirectory(env)).toBe("/run/user/1000/wirebound");
});

test("a service has what systemd gives it", () => {
  const env = {
    HOME: "/root",
    XDG_STATE_HOME: "/s",
    STATE_DIRECTORY: "/var/lib/wirebound:/var/lib/other",
    CACHE_DIRECTORY: "/var/cache/wirebound",
    RUNTIME_DIRECTORY: "/run/wirebound-service",
  };
  expect(stateDirectory(env)).toBe("/var/lib/wirebound");
  expect(cacheDirectory(env)).toBe("/var/cache/wirebound");
  expect(runtimeDirectory(env)).toBe("/run/wirebound-service");
});

test("without a home in the environment there is still an absolute path", () => {
  for (const env of [{}, { HOME: "" }, { HOME: "relative" }]) {
    expect(stateDirectory(env)).toMatch(/^\/.*\/wirebound$/);
  }
});
