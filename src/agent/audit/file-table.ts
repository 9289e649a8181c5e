/** Paths of files as four bytes of hash each and two of where they come from: for finding candidates, to be confirmed. */

const FILES_MAX = 1_000_000;
const FILES_MIN = 65_536;
/** No program is run from there. */
const NEVER_RUN = ["doc", "man", "locale", "info", "icons", "zoneinfo", "fonts", "help"]
  .map((name) => `/usr/share/${name}/`)
  .concat("/usr/include/", "/usr/src/")
  .map((prefix) => new TextEncoder().encode(prefix));
const PATH_BYTES_MAX = 4096;
const SLASH = 0x2f;
const LIST_RANGE = 65_536;

/** Grows by doubling up to a million files; what comes then is left out. */
export class FileTable {
  #hashes = new Uint32Array(FILES_MIN);
  #lists = new Uint16Array(FILES_MIN);
  #length = 0;
  #list = 0;
  /** The path before, of the same list. */
  readonly #before = new Uint8Array(PATH_BYTES_MAX);
  #beforeLength = 0;

  /** `list`: below 65,536. */
  beginList(list: number): void {
    this.#list = list;
    this.#beforeLength = 0;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length < 2 || length > PATH_BYTES_MAX) return;
    if (this.#isDirectory(bytes, start, length)) this.#length -= 1;
    this.#beforeLength = 0;
    if (this.#length >= FILES_MAX || isNeverRun(bytes, start, end)) return;
    if (this.#length === this.#hashes.length) this.#grow();
    this.#hashes[this.#length] = hashOf(bytes, start, end);
    this.#lists[this.#length] = this.#list;
    this.#length += 1;
    for (let index = 0; index < length; index += 1) this.#before[index] = bytes[start + index] ?? 0;
    this.#beforeLength = length;
  }

  /** By hash, with the lists at the same places. */
  sorted(): { hashes: Uint32Array; lists: Uint16Array } {
    // Both in one number: a hash has 32 bits and a list 16, which a double holds.
    const pairs = new Float64Array(this.#length);
    for (let index = 0; index < this.#length; index += 1)
      pairs[index] = (this.#hashes[index] ?? 0) * LIST_RANGE + (this.#lists[index] ?? 0);
    pairs.sort();
    const hashes = this.#hashes.slice(0, this.#length);
    const lists = this.#lists.slice(0, this.#length);
    for (let index = 0; index < this.#length; index += 1) {
      const pair = pairs[index] ?? 0;
      hashes[index] = Math.floor(pair / LIST_RANGE);
      lists[index] = pair % LIST_RANGE;
    }
    return { hashes, lists };
  }

  /** dpkg lists a directory right before what is in it: whether the entry before this one was one. */
  #isDirectory(bytes: Uint8Array, start: number, length: number): boolean {
    const before = this.#beforeLength;
    if (before === 0 || before >= length || bytes[start + before] !== SLASH) return false;
    for (let index = 0; index < before; index += 1)
      if (bytes[start + index] !== this.#before[index]) return false;
    return true;
  }

  #grow(): void {
    const hashes = new Uint32Array(Math.min(FILES_MAX, this.#hashes.length * 2));
    const lists = new Uint16Array(hashes.length);
    hashes.set(this.#hashes);
    lists.set(this.#lists);
    this.#hashes = hashes;
    this.#lists = lists;
  }
}

function isNeverRun(bytes: Uint8Array, start: number, end: number): boolean {
  for (const prefix of NEVER_RUN) {
    let index = 0;
    while (index < prefix.length && start + index < end && bytes[start + index] === prefix[index]) index += 1;
    if (index === prefix.length) return true;
  }
  return false;
}

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c_9dc5;
  for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x0100_0193);
  return hash >>> 0;
}

/** Of ascending hashes, the first place that is not below. */
export function placeOf(hashes: Uint32Array, hash: number): number {
  let from = 0;
  let to = hashes.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((hashes[middle] ?? 0) < hash) from = middle + 1;
    else to = middle;
  }
  return from;
}
