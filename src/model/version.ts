/** The product's version: the one place that says it (package.json is checked against it by tests/tidy.test.ts). */
export const VERSION = "0.1.0";
