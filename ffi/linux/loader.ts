/**
 * The dynamic loader of Linux, for libraries that others depend on: opened globally, so that a library that is opened
 * later finds them by their names. https://man7.org/linux/man-pages/man3/dlopen.3.html
 */
import { CString, type Pointer } from "bun:ffi";
import { LazyLibrary } from "../library.ts";
import { cString } from "./libc.ts";

/** In the C library since glibc 2.34, in a library of its own before. */
const library = new LazyLibrary(["libc.so.6", "libdl.so.2"], {
  dlopen: { args: ["ptr", "i32"], returns: "ptr" },
  dlerror: { args: [], returns: "ptr" },
});

/** dlfcn.h, the same on x86-64 and arm64. */
const RTLD_NOW = 2;
const RTLD_GLOBAL = 0x100;

/** Opens a library for those that come after it; it stays open. Returns the loader's reason where that fails. */
export function openGlobally(path: string): string | undefined {
  const handle = library.symbols.dlopen(cString(path), RTLD_NOW | RTLD_GLOBAL) as Pointer | null;
  if (handle !== null) return undefined;
  const reason = library.symbols.dlerror() as Pointer | null;
  return reason === null ? `${path} can't be opened` : new CString(reason);
}
