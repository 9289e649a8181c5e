/** Puts the built page into a binary: in the place of embedded.ts comes a module that embeds the files of bundle.ts. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BunPlugin } from "bun";
import { bundleWeb } from "./bundle.ts";

/** The plugin, and how many bytes of script and of everything the page has. The folder is made anew, with these files. */
export async function webPlugin(
  directory: string,
): Promise<{ readonly plugin: BunPlugin; readonly scriptBytes: number; readonly totalBytes: number }> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const imports: string[] = [];
  const entries: string[] = [];
  let scriptBytes = 0;
  let totalBytes = 0;
  for (const [path, asset] of await bundleWeb()) {
    // A name that no loader of the bundler claims: the file is embedded as it is, whatever it is.
    const file = join(directory, `${path === "/" ? "index.html" : basename(path)}.embedded`);
    await writeFile(file, asset.bytes);
    const name = `file${imports.length}`;
    imports.push(`import ${name} from ${JSON.stringify(file)} with { type: "file" };`);
    entries.push(`[${JSON.stringify(path)}, ${JSON.stringify(asset.type)}, ${name}]`);
    totalBytes += asset.bytes.length;
    if (path.endsWith(".js")) scriptBytes += asset.bytes.length;
  }
  const contents = `${imports.join("\n")}
    async function load() {
      const files = new Map();
      for (const [path, type, file] of [${entries.join(", ")}])
        files.set(path, { type, bytes: new Uint8Array(await Bun.file(file).arrayBuffer()) });
      return files;
    }
    let files;
    export function webAssets() { return (files ??= load()); }
  `;
  const plugin: BunPlugin = {
    name: "web-files",
    setup(build) {
      build.onLoad({ filter: /[\\/]src[\\/]web[\\/]embedded\.ts$/ }, () => ({ contents, loader: "js" }));
    },
  };
  return { plugin, scriptBytes, totalBytes };
}
