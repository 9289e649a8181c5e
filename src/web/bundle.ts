/**
 * Makes the files of the page from its source: one script, one style sheet, one icon, one document that names them. Runs at
 * build time, and when the program is run from its source; no binary contains it.
 */
import { join } from "node:path";

const ROOM = import.meta.dir;

/** One file as it is served. */
export interface WebAsset {
  /** The value of Content-Type. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** The Content-Type of a file of the page, by the end of its name. Throws for a kind that the page does not have. */
export function typeOf(path: string): string {
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)];
  if (type === undefined) throw new Error(`no content type is known for ${path}`);
  return type;
}

/**
 * The page's files by the path of their address: `/` is the document; whatever is below `/assets/` has a hash of its content
 * in its name, and so may be kept for ever. Throws where the source does not compile.
 */
export async function bundleWeb(): Promise<ReadonlyMap<string, WebAsset>> {
  const files = new Map<string, WebAsset>();
  const script = await build("main.tsx");
  const style = await build("styles/page.css");
  const icon = new Uint8Array(await Bun.file(join(ROOM, "icon.svg")).arrayBuffer());
  const names = {
    "%SCRIPT%": add(files, "page", "js", script),
    "%STYLE%": add(files, "page", "css", style),
    "%ICON%": add(files, "icon", "svg", icon),
  };
  let document = await Bun.file(join(ROOM, "index.html")).text();
  for (const [mark, name] of Object.entries(names)) document = document.replace(mark, name);
  files.set("/", { type: typeOf("index.html"), bytes: new TextEncoder().encode(document) });
  return files;
}

function add(files: Map<string, WebAsset>, name: string, ending: string, bytes: Uint8Array): string {
  const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 12);
  const path = `/assets/${name}-${hash}.${ending}`;
  files.set(path, { type: typeOf(path), bytes });
  return path;
}

async function build(entry: string): Promise<Uint8Array> {
  const result = await Bun.build({
    entrypoints: [join(ROOM, entry)],
    target: "browser",
    format: "esm",
    minify: true,
    sourcemap: "none",
    define: { "process.env.NODE_ENV": '"production"' },
    jsx: { runtime: "automatic", importSource: "preact", development: false },
  });
  const [output] = result.outputs;
  if (!result.success || output === undefined) throw new Error(result.logs.map(String).join("\n"));
  return new Uint8Array(await output.arrayBuffer());
}
