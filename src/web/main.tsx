/** The page's start in the browser: finds out who is there, then shows what the address says. */
import { render } from "preact";
import { Shell } from "./shell.tsx";
import { startRouter } from "./router.ts";
import { startClock } from "./state/now.ts";
import { loadSession } from "./state/session.ts";

const root = document.getElementById("page");
if (root !== null) {
  startRouter();
  startClock();
  render(<Shell />, root);
  void loadSession();
}
