/**
 * Puts the compiled programs and their libraries into a Linux binary: in the place of src/capture/linux/ebpf/embedded.ts
 * comes a module that embeds the files. A binary for which they can't be had gets a module that says so.
 */
import type { BunPlugin } from "bun";
import { compilePrograms, type Cpu } from "./compile.ts";
import { findLibraries } from "./libraries.ts";

/** The plugin for one target; `missing` says in one line why the binary will be without. */
export async function ebpfPlugin(
  os: string,
  cpu: Cpu,
): Promise<{ readonly plugin: BunPlugin; readonly missing: string | undefined }> {
  if (os !== "linux") return { plugin: replacing(WITHOUT), missing: undefined };
  const programs = await compilePrograms(cpu);
  if ("missing" in programs) return { plugin: replacing(WITHOUT), missing: programs.missing };
  const found = await findLibraries(cpu);
  if ("missing" in found) return { plugin: replacing(WITHOUT), missing: found.missing };
  const imports: string[] = [];
  const embed = (path: string): string => {
    const name = `file${imports.length}`;
    imports.push(`import ${name} from ${JSON.stringify(path)} with { type: "file" };`);
    return name;
  };
  const objects = Object.entries(programs.objects).map(
    ([name, path]) => `${JSON.stringify(name)}: ${embed(path)}`,
  );
  const libraries = found.libraries.map(
    ({ soname, path }) => `{ soname: ${JSON.stringify(soname)}, path: ${embed(path)} }`,
  );
  const files = `{ objects: { ${objects.join(", ")} }, libraries: [${libraries.join(", ")}] }`;
  return {
    plugin: replacing(`${imports.join("\n")}\nexport const EBPF_FILES = ${files};\n`),
    missing: undefined,
  };
}

const WITHOUT = "export const EBPF_FILES = undefined;\n";

function replacing(contents: string): BunPlugin {
  return {
    name: "ebpf-files",
    setup(build) {
      build.onLoad({ filter: /[\\/]capture[\\/]linux[\\/]ebpf[\\/]embedded\.ts$/ }, () => ({
        contents,
        loader: "ts",
      }));
    },
  };
}
