/** Prometheus' text form 0.0.4: HELP and TYPE once per name, escaped labels, histograms that add up, bounds. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createMetrics } from "../../../src/server/metrics.ts";

test("counters and gauges, with their labels in one order", () => {
  const metrics = createMetrics();
  metrics.add("wb_logins_total", { outcome: "done" });
  metrics.add("wb_logins_total", { outcome: "done" }, 2);
  metrics.add("wb_http_requests_total", { status: "200", method: "GET", route: "/" });
  metrics.add("wb_http_requests_total", { route: "/", method: "GET", status: "200" });
  metrics.set("wb_agents", { state: "active" }, 3);
  metrics.set("wb_agents", { state: "active" }, 2);
  expect(metrics.text()).toBe(
    [
      "# HELP wb_agents Agents by state; online is counted beside it.",
      "# TYPE wb_agents gauge",
      'wb_agents{state="active"} 2',
      "# HELP wb_http_requests_total Requests that were answered, by method, route and status.",
      "# TYPE wb_http_requests_total counter",
      'wb_http_requests_total{method="GET",route="/",status="200"} 2',
      "# HELP wb_logins_total Attempts to log in, by what came of them.",
      "# TYPE wb_logins_total counter",
      'wb_logins_total{outcome="done"} 3',
      "# HELP wb_metrics_dropped_total Values that were not counted because a name had too many sets of labels.",
      "# TYPE wb_metrics_dropped_total counter",
      "wb_metrics_dropped_total 0",
      "",
    ].join("\n"),
  );
});

test("a histogram's buckets rise to its count", () => {
  const metrics = createMetrics();
  for (const seconds of [0.0005, 0.003, 0.2, 99]) metrics.observe("wb_x_seconds", { route: "/a" }, seconds);
  const lines = metrics
    .text()
    .split("\n")
    .filter((line) => line.startsWith("wb_x_seconds"));
  expect(lines[0]).toBe('wb_x_seconds_bucket{route="/a",le="0.001"} 1');
  expect(lines).toContain('wb_x_seconds_bucket{route="/a",le="0.005"} 2');
  expect(lines).toContain('wb_x_seconds_bucket{route="/a",le="10"} 3');
  expect(lines).toContain('wb_x_seconds_bucket{route="/a",le="+Inf"} 4');
  expect(lines.at(-2)).toBe('wb_x_seconds_sum{route="/a"} 99.2035');
  expect(lines.at(-1)).toBe('wb_x_seconds_count{route="/a"} 4');
});

test("labels and names that would break the form are escaped", () => {
  const metrics = createMetrics();
  metrics.set("1 bad-name", { 'a"b': 'x"y\\z\nnext' }, Number.POSITIVE_INFINITY);
  expect(metrics.text()).toContain('_1_bad_name{a_b="x\\"y\\\\z\\nnext"} +Inf\n');
});

test("sets of labels are bounded, and what does not fit is counted", () => {
  const metrics = createMetrics();
  for (let index = 0; index < 2100; index += 1) metrics.add("wb_many_total", { id: String(index) });
  metrics.add("wb_many_total", { id: "0" });
  metrics.observe("wb_many_total", {}, 1); // the same name as another kind
  const text = metrics.text();
  expect(text.split("\n").filter((line) => line.startsWith("wb_many_total{"))).toHaveLength(2000);
  expect(text).toContain('wb_many_total{id="0"} 2\n');
  expect(text).toContain("wb_metrics_dropped_total 101\n");
});

test("whatever is counted, each line is a comment or a sample", () => {
  const sample =
    /^[a-zA-Z_:][\w:]*(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(,[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*")*\})? (?:NaN|[+-]Inf|-?\d[\d.e+-]*)$/;
  const labels = fc.dictionary(fc.string({ minLength: 1, unit: "binary" }), fc.string({ unit: "binary" }), {
    maxKeys: 3,
  });
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary" }), labels, fc.double(), (name, given, value) => {
      const metrics = createMetrics();
      metrics.set(name, given, value);
      metrics.observe(`${name}_seconds`, given, value);
      for (const line of metrics.text().trimEnd().split("\n")) {
        expect(line.startsWith("# ") || sample.test(line) ? "" : line).toBe("");
      }
    }),
  );
});
