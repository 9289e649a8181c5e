/** What every program is taken for, by whom, and since when; and the place to say that it is something else. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
  CLASSIFICATION_SOURCES,
  type ClassificationSource,
  type ProcessCategory,
} from "../../model/categories.ts";
import type { ClassificationChange, ClassificationEntry } from "../../model/fleet.ts";
import { api, type ApiError } from "../api.ts";
import { CategoryChip, Empty, ErrorBox, Fact, Skeleton, Time } from "../parts/basics.tsx";
import { Busy, CategoryChoice, Choice, Pager, SearchField } from "../parts/controls.tsx";
import { OverrideDialog } from "../parts/override-dialog.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { asApiError, type PagedList } from "../state/pages.ts";
import { mayChange } from "../state/session.ts";
import { useList, useLiveReload } from "../state/use-list.ts";
import { categoryName, count, shown, sourceName, whoSays } from "../words.ts";

const PAGE_ROWS = 50;

export function ClassificationsPage() {
  const search = useSignal("");
  const category = useSignal<ProcessCategory | "">("");
  const source = useSignal<ClassificationSource | "">("");
  const asked = {
    search: search.value,
    category: category.value === "" ? undefined : category.value,
    source: source.value === "" ? undefined : source.value,
  };
  const list = useList(JSON.stringify(asked), (cursor, signal) =>
    api.classifications({ ...asked, limit: PAGE_ROWS, cursor }, signal),
  );
  useLiveReload({ types: ["classification"], reload: () => void list.reload() });
  return (
    <section class="page">
      <div class="page-head">
        <h1>Classifications</h1>
        <div class="filters">
          <SearchField label="Search programs" value="" onSearch={(text) => (search.value = text)} />
          <CategoryChoice value={category.value} onChoose={(chosen) => (category.value = chosen)} />
          <Choice
            label="Source"
            value={source.value}
            all="All"
            options={CLASSIFICATION_SOURCES.map((each) => [each, sourceName(each)] as const)}
            onChoose={(chosen) => (source.value = chosen)}
          />
        </div>
      </div>
      <Entries list={list} isFiltered={Object.values(asked).some(Boolean)} />
    </section>
  );
}

function Entries({ list, isFiltered }: { list: PagedList<ClassificationEntry>; isFiltered: boolean }) {
  const opened = useSignal<string | undefined>(undefined);
  const subject = useSignal<ClassificationEntry | undefined>(undefined);
  const { items, loading, error } = list.state.value;
  const retry = (): void => void list.reload();
  if (error !== undefined && items.length === 0) return <ErrorBox error={error} retry={retry} />;
  if (loading === "first") return <Skeleton lines={8} />;
  if (items.length === 0) return <NoEntries isFiltered={isFiltered} />;
  const override = mayChange.value ? (entry: ClassificationEntry) => (subject.value = entry) : undefined;
  return (
    <>
      {error === undefined ? null : <ErrorBox error={error} retry={retry} />}
      <div class="card table-card classifications">
        <Busy state={list.state} />
        <Table
          label="Classifications"
          columns={columnsOf(opened, override)}
          rows={items}
          keyOf={(entry) => entry.fingerprintHash}
          below={(entry) => (opened.value === entry.fingerprintHash ? <Details entry={entry} /> : null)}
        />
      </div>
      <Pager list={list} noun="programs" />
      {subject.value === undefined ? null : (
        <OverrideDialog
          subject={{ ...subject.value, name: subject.value.processName }}
          onClose={() => (subject.value = undefined)}
          onDone={(entry) =>
            list.edit((all) =>
              all.map((each) => (each.fingerprintHash === entry.fingerprintHash ? entry : each)),
            )
          }
        />
      )}
    </>
  );
}

function NoEntries({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No program matches">
      <p>Choose all categories and sources, or search for fewer letters.</p>
    </Empty>
  ) : (
    <Empty title="No program has been seen yet">
      <p>Programs appear here when the first agent tells what runs on it.</p>
    </Empty>
  );
}

function columnsOf(
  opened: { value: string | undefined },
  override: ((entry: ClassificationEntry) => void) | undefined,
): readonly Column<ClassificationEntry>[] {
  const toggle = (entry: ClassificationEntry): void => {
    opened.value = opened.value === entry.fingerprintHash ? undefined : entry.fingerprintHash;
  };
  return [
    {
      name: "Program",
      kind: "main-cell",
      cell: (entry) => (
        <button
          type="button"
          class="row-button"
          aria-expanded={opened.value === entry.fingerprintHash}
          onClick={() => toggle(entry)}
        >
          <span class="process-name">{shown(entry.processName)}</span>
          {entry.path === null ? null : <small class="muted clip">{shown(entry.path)}</small>}
        </button>
      ),
    },
    { name: "Category", kind: "chip-cell", cell: (entry) => <CategoryChip category={entry.category} /> },
    {
      name: "Source",
      kind: "source-cell",
      cell: (entry) => {
        const { who, certainty } = whoSays(entry);
        return (
          <span>
            {who}
            {certainty === null ? null : <small class="muted number"> {certainty}</small>}
          </span>
        );
      },
    },
    {
      name: "Agents",
      kind: "right short-cell",
      cell: (entry) => <span class="number">{count(entry.agents)}</span>,
    },
    { name: "Changed", kind: "time-cell", cell: (entry) => <Time atMs={entry.updatedAtMs} /> },
    ...(override === undefined
      ? []
      : [
          {
            name: "Decide",
            kind: "deed-cell",
            cell: (entry: ClassificationEntry) => (
              <button type="button" class="button button-small" onClick={() => override(entry)}>
                Override…<span class="unseen"> {shown(entry.processName)}</span>
              </button>
            ),
          },
        ]),
  ];
}

function Details({ entry }: { entry: ClassificationEntry }) {
  return (
    <>
      <dl class="facts facts-columns">
        <Fact name="Path" wide>
          <code>{entry.path === null ? "not known" : shown(entry.path)}</code>
        </Fact>
        <Fact name="Publisher">{entry.publisher === null ? "not known" : shown(entry.publisher)}</Fact>
        <Fact name="Version">{entry.version === null ? "not known" : shown(entry.version)}</Fact>
        {entry.originalCategory === null ? null : (
          <Fact name="Before">{categoryName(entry.originalCategory)}</Fact>
        )}
        {entry.reason === null ? null : (
          <Fact name="Reason" wide>
            {shown(entry.reason)}
          </Fact>
        )}
        <Fact name="Fingerprint" wide>
          <code>{entry.fingerprintHash}</code>
        </Fact>
      </dl>
      <History key={entry.updatedAtMs} hash={entry.fingerprintHash} />
    </>
  );
}

function History({ hash }: { hash: string }) {
  const changes = useSignal<readonly ClassificationChange[] | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  useEffect(() => {
    const asking = new AbortController();
    api.history(hash, asking.signal).then(
      (page) => (changes.value = page.items),
      (refused: unknown) => {
        if (!asking.signal.aborted) error.value = asApiError(refused);
      },
    );
    return () => asking.abort();
  }, [hash]);
  if (error.value !== undefined) return <ErrorBox error={error.value} />;
  if (changes.value === undefined) return <Skeleton lines={1} />;
  return (
    <>
      <h3>History</h3>
      <ol class="history">
        {changes.value.map((change) => (
          <li key={`${change.changedAtMs} ${change.newCategory}`}>
            {change.oldCategory === null ? null : `${categoryName(change.oldCategory)} → `}
            <strong>{categoryName(change.newCategory)}</strong>
            <span class="muted">
              {" "}
              {change.changedBy === null
                ? sourceName(change.source).toLowerCase()
                : `by ${shown(change.changedBy)}`}
              , <Time atMs={change.changedAtMs} />
            </span>
            {change.reason === null ? null : <span class="reason">“{shown(change.reason)}”</span>}
          </li>
        ))}
      </ol>
    </>
  );
}
