/**
 * Buffers of megabytes that are used again and again, each for a moment: between two uses nobody needs what is in them, so
 * a program that has to be small may give their memory back to the system. Who owns one offers it here.
 */

const offers: (() => Uint8Array)[] = [];

/** `buffer` tells the one that is there now; its contents may be gone whenever no code of its owner is running. */
export function offerSpareBuffer(buffer: () => Uint8Array): void {
  offers.push(buffer);
}

export function spareBuffers(): Uint8Array[] {
  return offers.map((buffer) => buffer());
}
