/**
 * A table that becomes cards where the page is narrow. Its roles are said explicitly, because a browser forgets them once the
 * cells are laid out otherwise.
 */
import { Fragment, type ComponentChildren } from "preact";

export interface Column<T> {
  readonly name: string;
  /** Its class: width, alignment, and where it is in a card. */
  readonly kind: string;
  readonly cell: (row: T) => ComponentChildren;
}

export interface TableProps<T> {
  /** What the table is, for who can't see it. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly rowClass?: (row: T) => string;
  /** What comes below a row, over its whole width. */
  readonly below?: (row: T) => ComponentChildren;
}

export function Table<T>({ label, columns, rows, keyOf, rowClass, below }: TableProps<T>) {
  return (
    <table role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <th key={column.name} role="columnheader" scope="col" class={column.kind}>
              {column.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => {
          const key = keyOf(row);
          const more = below?.(row);
          return (
            <Fragment key={key}>
              <tr role="row" class={rowClass?.(row)}>
                {columns.map((column) => (
                  <td key={column.name} role="cell" class={column.kind} data-label={column.name}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
              {more ? (
                <tr role="row" class="below">
                  <td role="cell" colSpan={columns.length}>
                    {more}
                  </td>
                </tr>
              ) : null}
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}
