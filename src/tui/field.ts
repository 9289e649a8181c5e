/** A line of the detail panel before it is laid out. */
import type { Role } from "./line.ts";

/** One thing and its value; an empty name is a heading. */
export interface Field {
  readonly name: string;
  readonly value: string;
  readonly role: Role;
}

export function field(name: string, value: string, role: Role = "text"): Field {
  return { name, value, role };
}

export function heading(title: string): Field {
  return { name: "", value: title, role: "strong" };
}
