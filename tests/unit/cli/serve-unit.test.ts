/** The parent's unit: what is installed is what the documents show, and options before `install` are the service's. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { metricValues } from "../../../src/cli/fleet/status.ts";
import { serveUnitText } from "../../../src/cli/serve-unit.ts";

test("docs/wirebound-serve.service is the unit that is installed", () => {
  const shown = readFileSync(join(import.meta.dir, "../../../docs/wirebound-serve.service"), "utf8");
  expect(shown).toBe(serveUnitText({ executable: "/usr/local/bin/wb", forUser: false, words: [] }));
});

test("a user's own needs no privilege, and takes its words along", () => {
  const words = ["--listen", "127.0.0.1:1", "--state-dir", "/some where"];
  const text = serveUnitText({ executable: "/home/anna/wb", forUser: true, words });
  expect(text).not.toMatch(/DynamicUser|StateDirectory|CapabilityBoundingSet|SystemCallFilter/);
  expect(text).toContain('ExecStart=/home/anna/wb serve --listen 127.0.0.1:1 --state-dir "/some where"\n');
  expect(text).toContain("WantedBy=default.target");
});

test("a file with a key is handed to the machine's service by systemd", () => {
  const options = { executable: "/usr/local/bin/wb", forUser: false, words: ["--upstream", "https://a"] };
  const text = serveUnitText({ ...options, upstreamKeyFile: "/root/100%key" });
  expect(text).toContain("\nLoadCredential=upstream-key:/root/100%%key\n");
  expect(text).toContain(
    "ExecStart=/usr/local/bin/wb serve --upstream https://a --upstream-key-file ${CREDENTIALS_DIRECTORY}/upstream-key\n",
  );
});

test("numbers are read from what Prometheus reads", () => {
  const text = '# HELP wb_agents how many\n# TYPE wb_agents gauge\nwb_agents{state="online"} 3\nwb_x 1e3\n\n';
  expect([...metricValues(text)]).toEqual([
    ['wb_agents{state="online"}', 3],
    ["wb_x", 1000],
  ]);
  expect(metricValues("<html>").size).toBe(0);
});
