/** docs/config.md: the settings, their places and their order, made from the table that reads them. */
import { allSettings, type SettingDescription } from "../settings.ts";

const TYPE_NAMES: Readonly<Record<SettingDescription["fileType"], string>> = {
  text: "string",
  duration: 'string such as "500ms" or "90d", or a number of seconds',
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
keep-daily = "52w"

[serve]
name = "home"
public-address = "parent.example:7443"
retention = "90d"

[agent]
parent = "parent.example:7443"
flow-interval = "1m"
`;

function rows(table: SettingDescription["table"]): string {
  return allSettings()
    .filter((setting) => setting.table === table)
    .map(({ key, fileType, variable, flag, meaning }) => {
      const flagCell = flag === undefined ? "" : `\`${flag}\``;
      return `| \`${key}\` | ${TYPE_NAMES[fileType]} | ${flagCell} | \`${variable}\` | ${meaning} |`;
    })
    .join("\n");
}

export function configPage(): string {
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
${rows("monitor")}

\`WB_NO_DNS=1\`, \`WB_NO_HISTORY=1\` and \`WB_NO_HELPER=1\` turn off what the settings \`dns\`, \`history\` and \`helper\` turn on.

## [history]

| Setting | Type | Flag | Variable | Meaning |
|---|---|---|---|---|
${rows("history")}

## [serve]

| Setting | Type | Flag | Variable | Meaning |
|---|---|---|---|---|
${rows("serve")}

\`WB_SERVE_NO_MDNS=1\` turns off what the setting \`mdns\` turns on.

## [agent]

| Setting | Type | Flag | Variable | Meaning |
|---|---|---|---|---|
${rows("agent")}

Whether the agent uses the elevated helper, the settings \`helper\`, \`helper-socket\` and \`helper-secret\` of [monitor] say.

## Other variables

| Variable | Meaning |
|---|---|
| \`WB_CAPTURE_METHOD\` | only this way of capturing: \`ebpf_tracepoint\`, \`ebpf_fentry\` or \`ebpf_kprobe\` (with the elevated helper), \`sock_diag\`, \`procfs\` |
| \`WB_AGENT_TOKEN\` | the join token for \`wb agent\` and \`wb agent join\`, where none is written |
| \`WB_PARENT\`, \`WB_PARENT_PIN\`, \`WB_API_KEY\` | which parent the commands below \`wb serve\` ask, its pin, and an API key: as --parent, --pin and --key-file say |
| \`NO_COLOR\` | no colours, if set to anything but nothing |
| \`WB_DEBUG\` | show where an error happened, if set to 1 |
`;
}
