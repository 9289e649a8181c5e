/** The sign of the product: a pulse on a wire. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M5.5 17h5l3-8.5 5 15 3-6.5h5" />
    </svg>
  );
}
