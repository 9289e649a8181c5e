/** Loaded before every test: what is shown of times is in UTC, wherever the machine is. */
process.env["TZ"] = "UTC";
