/** Who is logged in, and what they may do. The parent decides; the page only doesn't offer what would be refused. */
import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { ApiError, api, whenUnauthenticated, type Me } from "../api.ts";

/** `undefined`: not known yet; null: nobody. */
const current = signal<Me | null | undefined>(undefined);
/** Why there is nobody, where a person should be told. */
const note = signal<string | undefined>(undefined);
const failure = signal<ApiError | undefined>(undefined);

export const me: ReadonlySignal<Me | null | undefined> = current;
export const sessionNote: ReadonlySignal<string | undefined> = note;
export const sessionFailure: ReadonlySignal<ApiError | undefined> = failure;

/** Whether the caller may decide about agents, tokens and classifications. */
export const mayChange = computed(() => {
  const role = current.value?.caller.role;
  return role === "operator" || role === "admin";
});

/** That somebody logged in here is remembered, so that a first visit need not ask who is there, only to be refused. */
const REMEMBERED = "wirebound-logged-in";

function remember(isLoggedIn: boolean): void {
  try {
    if (isLoggedIn) localStorage.setItem(REMEMBERED, "yes");
    else localStorage.removeItem(REMEMBERED);
  } catch {
    // A browser that keeps nothing for this page: it asks at each visit.
  }
}

function mayBeLoggedIn(): boolean {
  try {
    return localStorage.getItem(REMEMBERED) !== null;
  } catch {
    return true; // nothing is kept here, so only the parent knows
  }
}

function nobody(): void {
  remember(false);
  current.value = null;
}

/** Asks the parent who this is. What fails otherwise than by nobody being logged in is in `sessionFailure`. */
export async function loadSession(): Promise<void> {
  whenUnauthenticated(() => {
    if (current.value) note.value = "Your session has ended. Log in again to go on where you were.";
    nobody();
  });
  failure.value = undefined;
  if (!mayBeLoggedIn()) return nobody();
  try {
    current.value = await api.me();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) nobody();
    else failure.value = error;
  }
}

/** Throws the ApiError where the parent refuses. */
export async function login(name: string, password: string): Promise<void> {
  await api.login(name, password);
  note.value = undefined;
  remember(true);
  current.value = await api.me();
}

/** Ends the session, at the parent too. */
export async function logout(): Promise<void> {
  await api.logout();
  note.value = undefined;
  nobody();
}
