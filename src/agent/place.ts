/** Where an agent keeps its state where nothing else is said. Only names: nothing is made or looked at. */
import { isAbsolute, join } from "node:path";
import { stateDirectory } from "../platform/paths.ts";

/** Of the service (StateDirectory=wirebound in its unit): what root does by hand is to be found by the service. */
export const SERVICE_STATE = "/var/lib/wirebound";
const NAME = "agent";

/** `agent` in the state directory; root's is that of the service, where nothing in the environment says otherwise. */
export function agentDirectory(
  env: Readonly<Record<string, string | undefined>>,
  userId: number | undefined,
): string {
  const isSaid = [env["STATE_DIRECTORY"], env["XDG_STATE_HOME"]].some(
    (path) => path !== undefined && isAbsolute(path),
  );
  return join(userId === 0 && !isSaid ? SERVICE_STATE : stateDirectory(env), NAME);
}
