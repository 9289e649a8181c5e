/** A person says what a program is. It wins over every other source, is told to all agents, and the reason is kept. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { CATEGORIES, type ClassificationSource, type ProcessCategory } from "../../model/categories.ts";
import type { ClassificationEntry } from "../../model/fleet.ts";
import { api } from "../api.ts";
import { tell } from "../state/toasts.ts";
import { categoryName, shown, sourceName } from "../words.ts";
import { DeedButtons, Dialog, useDeed } from "./controls.tsx";

/** The program that is spoken of. */
export interface OverrideSubject {
  readonly fingerprintHash: string;
  readonly name: string;
  readonly category: ProcessCategory;
  readonly source: ClassificationSource | null;
}

export function OverrideDialog(props: {
  subject: OverrideSubject;
  onClose: () => void;
  onDone: (entry: ClassificationEntry) => void;
}) {
  const { subject } = props;
  const chosen = useSignal<ProcessCategory>(subject.category);
  const reason = useRef<HTMLTextAreaElement>(null);
  const deed = useDeed();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    await deed.run(async () => {
      const words = reason.current?.value.trim() ?? "";
      const { entry } = await api.override(subject.fingerprintHash, chosen.value, words);
      tell(`${shown(subject.name)} is now ${categoryName(entry.category)}. Agents are being told.`);
      props.onDone(entry);
      props.onClose();
    });
  };
  return (
    <Dialog title={`What is ${shown(subject.name)}?`} onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="muted">
          Now {categoryName(subject.category)} ({sourceName(subject.source).toLowerCase()}). Your word wins
          over every other source, on all agents.
        </p>
        <fieldset class="options">
          <legend>Category</legend>
          {CATEGORIES.map((category) => (
            <label key={category} class="option">
              <input
                type="radio"
                name="category"
                value={category}
                checked={chosen.value === category}
                onChange={() => (chosen.value = category)}
              />
              <span class={`chip category-${category}`}>{categoryName(category)}</span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          <span>Reason (kept in the history and the audit log)</span>
          <textarea ref={reason} rows={2} maxLength={500} placeholder="Why it is so" />
        </label>
        <DeedButtons
          deed="Set category"
          busy={deed.busy.value}
          error={deed.error.value}
          onCancel={props.onClose}
        />
      </form>
    </Dialog>
  );
}
