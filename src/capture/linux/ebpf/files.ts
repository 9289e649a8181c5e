/** What loading kernel programs needs from files, and where this build has it. */

export interface EbpfFiles {
  /** Paths of the compiled kernel programs, by the name of their source: `wirebound` of ebpf/wirebound.bpf.c. */
  readonly objects: Readonly<Record<string, string>>;
  /**
   * libbpf and what it depends on, dependencies first, libbpf itself last; undefined where the system's own are to be
   * used.
   */
  readonly libraries: readonly EmbeddedLibrary[] | undefined;
}

export interface EmbeddedLibrary {
  /** What others name it by: `libelf.so.1`. */
  readonly soname: string;
  readonly path: string;
}
