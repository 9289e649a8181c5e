/** Logging in. What is refused is told as the parent tells it; the address stays, so that one goes on where one was. */
import { useEffect, useRef } from "preact/hooks";
import { ErrorBox } from "../parts/basics.tsx";
import { useDeed } from "../parts/controls.tsx";
import { Mark } from "../parts/mark.tsx";
import { login, sessionNote } from "../state/session.ts";

export function LoginPage() {
  const deed = useDeed();
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Log in · WireBound";
    name.current?.focus();
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const done = await deed.run(() => login(name.current?.value ?? "", password.current?.value ?? ""));
    if (!done) password.current?.select();
  };
  return (
    <main class="login">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <div class="login-head">
          <Mark />
          <h1>WireBound</h1>
        </div>
        {sessionNote.value === undefined ? null : (
          <p class="note" role="status">
            {sessionNote.value}
          </p>
        )}
        <label class="field">
          <span>Name</span>
          <input
            ref={name}
            name="username"
            autoComplete="username"
            required
            maxLength={200}
            spellcheck={false}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            ref={password}
            name="password"
            type="password"
            autoComplete="current-password"
            required
            maxLength={1000}
          />
        </label>
        {deed.error.value === undefined ? null : <ErrorBox error={deed.error.value} />}
        <button type="submit" class="button button-main" disabled={deed.busy.value}>
          {deed.busy.value ? "One moment…" : "Log in"}
        </button>
      </form>
    </main>
  );
}
