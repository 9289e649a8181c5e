/** Everything that a person decided, newest first. The log is only ever added to. */
import { useSignal } from "@preact/signals";
import type { AuditEntry } from "../../model/fleet.ts";
import { api } from "../api.ts";
import { Empty, ErrorBox, Skeleton, Time } from "../parts/basics.tsx";
import { Busy, Pager, SearchField } from "../parts/controls.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { linkTo } from "../routes.ts";
import { useList, useLiveReload } from "../state/use-list.ts";
import { detailWords, shown } from "../words.ts";

const PAGE_ROWS = 50;
const AGENT_ID = /^[0-9a-f]{32}$/;

export function AuditPage() {
  const action = useSignal("");
  const actor = useSignal("");
  const subject = useSignal("");
  const asked = { action: action.value, actor: actor.value, subject: subject.value };
  const list = useList(JSON.stringify(asked), (cursor, signal) =>
    api.audit({ ...asked, limit: PAGE_ROWS, cursor }, signal),
  );
  useLiveReload({
    types: ["audit"],
    reload: () => void list.reload(),
    isOfInterest: () => list.state.peek().page === 1,
  });
  const { items, loading, error } = list.state.value;
  const retry = (): void => void list.reload();
  const isFiltered = Object.values(asked).some((text) => text !== "");
  return (
    <section class="page">
      <div class="page-head">
        <h1>Audit</h1>
        <div class="filters">
          <SearchField label="Who" value="" onSearch={(text) => (actor.value = text)} />
          <SearchField label="Action" value="" onSearch={(text) => (action.value = text)} />
          <SearchField label="Done to" value="" onSearch={(text) => (subject.value = text)} />
        </div>
      </div>
      {error === undefined ? null : <ErrorBox error={error} retry={retry} />}
      {loading === "first" ? <Skeleton lines={8} /> : null}
      {loading !== "first" && items.length === 0 && error === undefined ? (
        <Empty title={isFiltered ? "Nothing matches" : "Nothing has been decided yet"}>
          <p>
            {isFiltered
              ? "Who, action and what it was done to are looked for as they are written: admin, token.create."
              : "Logins, tokens, approvals and overrides are kept here."}
          </p>
        </Empty>
      ) : null}
      {items.length === 0 ? null : (
        <div class="card table-card audit">
          <Busy state={list.state} />
          <Table label="Audit log" columns={COLUMNS} rows={items} keyOf={(entry) => String(entry.id)} />
        </div>
      )}
      <Pager list={list} noun="entries" />
    </section>
  );
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  { name: "When", kind: "time-cell", cell: (entry) => <Time atMs={entry.atMs} /> },
  { name: "Who", kind: "short-cell clip", cell: (entry) => <strong>{shown(entry.actor)}</strong> },
  { name: "Action", kind: "action-cell", cell: (entry) => <code>{shown(entry.action)}</code> },
  {
    name: "Done to",
    kind: "subject-cell",
    cell: ({ subject }) =>
      AGENT_ID.test(subject) ? (
        <a class="break" href={linkTo("agents", subject, "processes")}>
          {subject}
        </a>
      ) : (
        <span class="break">{shown(subject)}</span>
      ),
  },
  {
    name: "Details",
    kind: "detail-cell",
    cell: (entry) => <span class="break muted">{shown(detailWords(entry.details))}</span>,
  },
  {
    name: "From",
    kind: "short-cell",
    cell: (entry) => <span class="number muted">{entry.address === null ? "—" : shown(entry.address)}</span>,
  },
];
