/** How agents come in: by a token that is made here, or by a person who compares a code. */
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JoinRequestSummary, JoinTokenSummary } from "../../model/fleet.ts";
import { api, type ApiError } from "../api.ts";
import { Empty, ErrorBox, Skeleton } from "../parts/basics.tsx";
import { asApiError } from "../state/pages.ts";
import { mayChange } from "../state/session.ts";
import { useLiveReload } from "../state/use-list.ts";
import { Approvals } from "./approvals.tsx";
import { NewTokenForm, TokenList } from "./tokens.tsx";

const FRESH_MS = 15_000;

interface Loaded {
  readonly tokens: readonly JoinTokenSummary[];
  readonly requests: readonly JoinRequestSummary[];
}

export function JoinPage() {
  return mayChange.value ? (
    <JoinForOperators />
  ) : (
    <Empty title="Only operators let agents in">
      <p>Ask an operator or an administrator of this parent.</p>
    </Empty>
  );
}

function JoinForOperators() {
  const loaded = useSignal<Loaded | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const load = (): void => void read(loaded, error);
  useEffect(load, []);
  useLiveReload({ types: ["agent", "audit"], reload: load, everyMs: FRESH_MS });
  return (
    <section class="page">
      <div class="page-head">
        <h1>Join</h1>
      </div>
      {error.value === undefined ? null : <ErrorBox error={error.value} retry={load} />}
      <NewTokenForm onCreated={load} />
      {loaded.value === undefined ? (
        error.value === undefined ? (
          <Skeleton lines={4} />
        ) : null
      ) : (
        <>
          <Approvals requests={loaded.value.requests} onDecided={load} />
          <TokenList tokens={loaded.value.tokens} onRevoked={load} />
        </>
      )}
    </section>
  );
}

async function read(loaded: Signal<Loaded | undefined>, error: Signal<ApiError | undefined>): Promise<void> {
  try {
    const [tokens, requests] = await Promise.all([api.tokens(), api.joinRequests()]);
    loaded.value = { tokens: tokens.items, requests: requests.items };
    error.value = undefined;
  } catch (refused) {
    error.value = asApiError(refused);
  }
}
