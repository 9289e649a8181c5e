/** Asks for a reason before something is done to an agent that a person can't simply undo. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { DeedButtons, Dialog, useDeed } from "./controls.tsx";

export function ReasonDialog(props: {
  title: string;
  deed: string;
  danger?: boolean;
  onClose: () => void;
  onReason: (reason: string) => Promise<void>;
  children: ComponentChildren;
}) {
  const reason = useRef<HTMLTextAreaElement>(null);
  const deed = useDeed();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const done = await deed.run(() => props.onReason(reason.current?.value.trim() ?? ""));
    if (done) props.onClose();
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {props.children}
        <label class="field">
          <span>Reason (kept in the audit log)</span>
          <textarea ref={reason} rows={2} maxLength={400} required />
        </label>
        <DeedButtons
          deed={props.deed}
          busy={deed.busy.value}
          danger={props.danger ?? false}
          error={deed.error.value}
          onCancel={props.onClose}
        />
      </form>
    </Dialog>
  );
}
