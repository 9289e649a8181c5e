/**
 * libbpf with one difference: attaching the programs of one section fails, as it does where the kernel has no such
 * tracepoint. A library of our own in front of the real one.
 */
import { dlopen } from "bun:ffi";
import { join } from "node:path";
import { cString } from "../../ffi/linux/libc.ts";

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
static char failing[64];
extern const char *bpf_program__section_name(const void *program);
void fail_section(const char *name) { strncpy(failing, name, sizeof(failing) - 1); }
static int fails(const void *program)
{
	if (strcmp(bpf_program__section_name(program), failing) != 0)
		return 0;
	errno = ENOENT;
	return 1;
}
void *bpf_program__attach(const void *program)
{
	void *(*real)(const void *) = dlsym(RTLD_NEXT, "bpf_program__attach");
	return fails(program) ? 0 : real(program);
}
void *bpf_program__attach_cgroup(const void *program, int fd)
{
	void *(*real)(const void *, int) = dlsym(RTLD_NEXT, "bpf_program__attach_cgroup");
	return fails(program) ? 0 : real(program, fd);
}
`;

export interface FailingAttach {
  /** For useLibbpf. */
  readonly path: string;
  /** From now on programs of this section, and no others, can't be attached. */
  failSection(section: string): void;
}

/** Compiles it into the directory. Throws an Error with the compiler's words. */
export async function failingAttach(directory: string): Promise<FailingAttach> {
  const path = join(directory, "failing-attach.so");
  const command = ["cc", "-shared", "-fPIC", "-Wall", "-o", path, "-x", "c", "-", "-l:libbpf.so.1"];
  const child = Bun.spawn(command, { stdin: new Blob([SOURCE]), stderr: "pipe" });
  const words = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(words);
  const { symbols } = dlopen(path, { fail_section: { args: ["ptr"], returns: "void" } });
  return { path, failSection: (section) => symbols.fail_section(cString(section)) };
}
