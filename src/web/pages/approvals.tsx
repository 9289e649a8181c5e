/** Agents that wait for a person. The code is to be compared with what the machine itself shows; nothing is approved before. */
import { useSignal } from "@preact/signals";
import type { JoinRequestSummary } from "../../model/fleet.ts";
import { api } from "../api.ts";
import { Empty, Time } from "../parts/basics.tsx";
import { DeedButtons, Dialog, useDeed } from "../parts/controls.tsx";
import { ReasonDialog } from "../parts/reason-dialog.tsx";
import { tell } from "../state/toasts.ts";
import { shown } from "../words.ts";

interface Open {
  readonly deed: "approve" | "reject";
  readonly request: JoinRequestSummary;
}

export function Approvals(props: { requests: readonly JoinRequestSummary[]; onDecided: () => void }) {
  const open = useSignal<Open | undefined>(undefined);
  const close = (): void => {
    open.value = undefined;
  };
  const { requests } = props;
  return (
    <section class="card" aria-labelledby="approvals-title">
      <h2 id="approvals-title">Waiting for approval</h2>
      {requests.length === 0 ? (
        <Empty title="Nobody waits">
          <p>An agent that is started without a token waits here, with a code to compare.</p>
        </Empty>
      ) : (
        <ul class="requests">
          {requests.map((request) => (
            <Request
              key={request.agentId}
              request={request}
              onOpen={(deed) => (open.value = { deed, request })}
            />
          ))}
        </ul>
      )}
      {open.value?.deed === "approve" ? (
        <ApproveDialog request={open.value.request} onClose={close} onDone={props.onDecided} />
      ) : null}
      {open.value?.deed === "reject" ? (
        <RejectDialog request={open.value.request} onClose={close} onDone={props.onDecided} />
      ) : null}
    </section>
  );
}

function Request(props: { request: JoinRequestSummary; onOpen: (deed: Open["deed"]) => void }) {
  const { request, onOpen } = props;
  const isReady = request.code !== "";
  const name = shown(request.hostname);
  return (
    <li class="request">
      <div>
        <strong>{name}</strong>
        <span class="muted">
          {shown(request.platform)} · {shown(request.address)} · <Time atMs={request.requestedAtMs} />
        </span>
      </div>
      <span class="code" title="To be compared with what the machine shows">
        {isReady ? shown(request.code) : "…"}
      </span>
      <div class="buttons">
        <button type="button" class="button" onClick={() => onOpen("reject")}>
          Reject…<span class="unseen"> {name}</span>
        </button>
        <button
          type="button"
          class="button button-main"
          disabled={!isReady}
          onClick={() => onOpen("approve")}
        >
          Approve…<span class="unseen"> {name}</span>
        </button>
      </div>
    </li>
  );
}

interface DecisionProps {
  readonly request: JoinRequestSummary;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function ApproveDialog({ request, onClose, onDone }: DecisionProps) {
  const compared = useSignal(false);
  const deed = useDeed();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    await deed.run(async () => {
      await api.approve(request.agentId, request.code);
      tell(`${shown(request.hostname)} was approved.`);
      onDone();
      onClose();
    });
  };
  return (
    <Dialog title={`Approve ${shown(request.hostname)}?`} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p>
          On that machine, <code>wb agent status</code> shows a code. Approve only if it is this one:
        </p>
        <p class="code code-large">{shown(request.code)}</p>
        <label class="check">
          <input
            type="checkbox"
            checked={compared.value}
            onChange={(event) => (compared.value = event.currentTarget.checked)}
          />
          <span>I have compared: the machine shows this code.</span>
        </label>
        <p class="muted">
          If it shows another one, somebody is in between or the name is not the machine’s: reject it.
        </p>
        <DeedButtons
          deed="Approve"
          busy={deed.busy.value}
          disabled={!compared.value}
          error={deed.error.value}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}

function RejectDialog({ request, onClose, onDone }: DecisionProps) {
  return (
    <ReasonDialog
      title={`Reject ${shown(request.hostname)}?`}
      deed="Reject"
      danger
      onClose={onClose}
      onReason={async (reason) => {
        await api.remove(request.agentId, reason);
        tell(`${shown(request.hostname)} was rejected.`);
        onDone();
      }}
    >
      <p>It does not come in. It may ask again.</p>
    </ReasonDialog>
  );
}
