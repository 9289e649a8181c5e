/** docs/config.md: the settings, their places and their order, made from the table that reads them. */
import { SETTINGS, type Setting } from "../settings.ts";

const TYPE_NAMES: Readonly<Record<Setting<never>["fileType"], string>> = {
  text: "string",
  duration: 'string such as "500ms", or a number of seconds',
  count: "whole number",
  switch: "true or false",
};

const EXAMPLE = `# ~/.config/wirebound/config.toml
[monitor]
interval = "2s"
by = "process"
dns = false

[history]
keep-hourly = "30d"
`;

export function configPage(): string {
  const rows = Object.values<Setting<never>>(SETTINGS as never).map(
    ({ key, fileType, variable, flag, meaning }) =>
      `| \`${key}\` | ${TYPE_NAMES[fileType]} | \`${flag}\` | \`${variable}\` | ${meaning} |`,
  );
  return `# Configuration

<!-- Made by \`wb man --as config\` from the program itself: do not edit. -->

A flag counts before a variable, a variable before the file, the file before what is built in.

The file is TOML. The first that is there is read: the one that \`--config\` names, else the one that \`WB_CONFIG\` names, else
\`$XDG_CONFIG_HOME/wirebound/config.toml\` (\`~/.config/wirebound/config.toml\`), else \`/etc/wirebound/config.toml\`. A file that
was named must be there and readable; one in a usual place that may not be read is passed over with a warning. A file with a
mistake, or with a setting that does not exist, is an error (exit code 2) that names its line.

\`\`\`toml
${EXAMPLE}\`\`\`

## [monitor]

| Setting | Type | Flag | Variable | Meaning |
|---|---|---|---|---|
${rows.join("\n")}

\`WB_NO_DNS=1\` and \`WB_NO_HISTORY=1\` turn off what the settings \`dns\` and \`history\` turn on.

## [history]

| Setting | Type | Variable | Meaning |
|---|---|---|---|
| \`keep-hourly\` | string such as "90d" | \`WB_HISTORY_KEEP_HOURLY\` | how long hours are kept, before only days are (default: 90 days); days are kept for ever |
| \`path\` | string | \`WB_HISTORY_PATH\` | the database, instead of the one in the state directory |

## Other variables

| Variable | Meaning |
|---|---|
| \`NO_COLOR\` | no colours, if set to anything but nothing |
| \`WB_DEBUG\` | show where an error happened, if set to 1 |
`;
}
