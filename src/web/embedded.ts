/**
 * The files of the page, by the path of their address. Run from its source, the program bundles them when they are first asked
 * for. In a binary, build.ts puts another module in place of this one: with the files that it embeds.
 */
import { bundleWeb, type WebAsset } from "./bundle.ts";

export type { WebAsset } from "./bundle.ts";

let files: Promise<ReadonlyMap<string, WebAsset>> | undefined;

/** `/` is the document; what is below `/assets/` has a hash of its content in its name, and so may be kept for ever. */
export function webAssets(): Promise<ReadonlyMap<string, WebAsset>> {
  files ??= bundleWeb();
  return files;
}
