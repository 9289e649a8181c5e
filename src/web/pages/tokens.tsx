/** Join tokens: made, shown once as the command to paste, listed and revoked. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { JoinTokenSummary } from "../../model/fleet.ts";
import { api } from "../api.ts";
import { Empty, ErrorBox, Time } from "../parts/basics.tsx";
import { Choice, Command, DeedButtons, Dialog, useDeed } from "../parts/controls.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { now } from "../state/now.ts";
import { tell } from "../state/toasts.ts";
import { shown } from "../words.ts";

const MINUTE_MS = 60_000;
const LIFETIMES = [
  ["15", "15 minutes"],
  ["60", "1 hour"],
  ["1440", "1 day"],
  ["10080", "7 days"],
] as const;
const USES_MAX = 10_000;

export function NewTokenForm({ onCreated }: { onCreated: () => void }) {
  const made = useSignal<string | undefined>(undefined);
  const minutes = useSignal<(typeof LIFETIMES)[number][0]>("60");
  const uses = useRef<HTMLInputElement>(null);
  const approval = useRef<HTMLInputElement>(null);
  const deed = useDeed();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    await deed.run(async () => {
      const { token } = await api.createToken({
        uses: uses.current?.valueAsNumber ?? 1,
        expiresInMs: Number(minutes.value) * MINUTE_MS,
        requiresApproval: approval.current?.checked ?? false,
      });
      made.value = token;
      onCreated();
    });
  };
  return (
    <section class="card" aria-labelledby="new-token-title">
      <h2 id="new-token-title">Add agents</h2>
      <form class="token-form" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>Machines</span>
          <input ref={uses} type="number" min={1} max={USES_MAX} step={1} defaultValue="1" required />
        </label>
        <Choice
          label="Valid for"
          value={minutes.value}
          options={LIFETIMES}
          onChoose={(chosen) => (minutes.value = chosen === "" ? "60" : chosen)}
        />
        <label class="check">
          <input ref={approval} type="checkbox" />
          <span>A person approves each</span>
        </label>
        <button type="submit" class="button button-main" disabled={deed.busy.value}>
          Create token
        </button>
      </form>
      {deed.error.value === undefined ? null : <ErrorBox error={deed.error.value} />}
      <div aria-live="polite">{made.value === undefined ? null : <MadeToken token={made.value} />}</div>
    </section>
  );
}

function MadeToken({ token }: { token: string }) {
  return (
    <div class="made">
      <p>Run this on each machine. The token is shown only now:</p>
      <Command text={`wb agent join ${token}`} what="The command" />
      <p>Then have it started with the machine, as root; or with your session, by --user:</p>
      <Command text="wb agent install" what="The second command" />
    </div>
  );
}

export function TokenList(props: { tokens: readonly JoinTokenSummary[]; onRevoked: () => void }) {
  const revoking = useSignal<JoinTokenSummary | undefined>(undefined);
  const { tokens } = props;
  return (
    <section class="card table-card tokens" aria-labelledby="tokens-title">
      <h2 id="tokens-title">Tokens</h2>
      {tokens.length === 0 ? (
        <Empty title="There is no token">
          <p>Create one above: it lets machines in without anybody having to wait for them.</p>
        </Empty>
      ) : (
        <Table
          label="Tokens"
          columns={columnsOf((token) => (revoking.value = token))}
          rows={tokens}
          keyOf={(token) => token.id}
          rowClass={(token) => (stateOf(token, now.value) === "usable" ? "" : "row-faded")}
        />
      )}
      {revoking.value === undefined ? null : (
        <RevokeDialog
          token={revoking.value}
          onClose={() => (revoking.value = undefined)}
          onRevoked={props.onRevoked}
        />
      )}
    </section>
  );
}

function stateOf(token: JoinTokenSummary, nowMs: number): "usable" | "revoked" | "expired" | "used up" {
  if (token.revoked) return "revoked";
  if (token.expiresAtMs <= nowMs) return "expired";
  return token.usesLeft <= 0 ? "used up" : "usable";
}

function columnsOf(revoke: (token: JoinTokenSummary) => void): readonly Column<JoinTokenSummary>[] {
  return [
    { name: "Token", kind: "main-cell", cell: (token) => <code>{shown(token.id)}</code> },
    { name: "State", kind: "short-cell", cell: (token) => <TokenState token={token} /> },
    {
      name: "Uses left",
      kind: "short-cell number",
      cell: (token) => `${token.usesLeft} of ${token.usesTotal}`,
    },
    { name: "Expires", kind: "time-cell", cell: (token) => <Time atMs={token.expiresAtMs} /> },
    {
      name: "Approval",
      kind: "short-cell",
      cell: (token) => (token.requiresApproval ? "by a person" : "not needed"),
    },
    { name: "Created by", kind: "short-cell clip", cell: (token) => shown(token.createdBy) },
    {
      name: "Decide",
      kind: "deed-cell",
      cell: (token) =>
        stateOf(token, now.value) === "usable" ? (
          <button type="button" class="button button-small" onClick={() => revoke(token)}>
            Revoke…<span class="unseen"> {shown(token.id)}</span>
          </button>
        ) : null,
    },
  ];
}

function TokenState({ token }: { token: JoinTokenSummary }) {
  const state = stateOf(token, now.value);
  return <span class={state === "usable" ? "good" : "muted"}>{state}</span>;
}

function RevokeDialog(props: { token: JoinTokenSummary; onClose: () => void; onRevoked: () => void }) {
  const deed = useDeed();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    await deed.run(async () => {
      await api.revokeToken(props.token.id);
      tell("The token was revoked.");
      props.onRevoked();
      props.onClose();
    });
  };
  return (
    <Dialog title="Revoke this token?" onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p>No machine can join with it any more. Those that did stay.</p>
        <DeedButtons
          deed="Revoke"
          danger
          busy={deed.busy.value}
          error={deed.error.value}
          onCancel={props.onClose}
        />
      </form>
    </Dialog>
  );
}
