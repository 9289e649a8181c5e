/** The shapes of users, keys and logins in the API for people. Names are short and printable; passwords long. */
import { z } from "@hono/zod-openapi";
import { ROLES } from "../../model/fleet.ts";
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from "./passwords.ts";

const NAME_LENGTH_MAX = 64;
const YEAR_MS = 366 * 86_400_000;

export const RoleField = z.enum(ROLES).openapi({ description: "viewer < operator < admin" });

/** Of users and keys: letters, digits and a few signs, so that it can stand in a log, a table and a command line. */
export const NameField = z
  .string()
  .min(1)
  .max(NAME_LENGTH_MAX)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._@+-]*$/u, "letters, digits and . _ @ + - only, a letter or digit first");

export const PasswordField = z
  .string()
  .min(PASSWORD_LENGTH_MIN, `a password has at least ${PASSWORD_LENGTH_MIN} characters`)
  .max(PASSWORD_LENGTH_MAX)
  .openapi({ format: "password" });

const timeMs = z.number().openapi({ description: "Unix milliseconds" });

export const UserSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role: RoleField,
    disabled: z.boolean(),
    createdAtMs: timeMs,
    lastLoginAtMs: timeMs.nullable(),
  })
  .openapi("User");

export const KeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role: RoleField,
    createdBy: z.string(),
    createdAtMs: timeMs,
    expiresAtMs: timeMs.nullable(),
    lastUsedAtMs: timeMs.nullable(),
    revoked: z.boolean(),
  })
  .openapi("ApiKey");

export const CallerSchema = z
  .object({ kind: z.enum(["user", "key"]), id: z.string(), name: z.string(), role: RoleField })
  .openapi("Caller");

export const LoginBody = z
  .strictObject({
    name: z.string().min(1).max(NAME_LENGTH_MAX),
    password: z.string().min(1).max(PASSWORD_LENGTH_MAX).openapi({ format: "password" }),
  })
  .openapi({ example: { name: "olga", password: "correct horse battery" } });

export const NewUserBody = z
  .strictObject({ name: NameField, role: RoleField, password: PasswordField })
  .openapi({ example: { name: "olga", role: "operator", password: "correct horse battery" } });

export const UserChangeBody = z
  .strictObject({
    role: RoleField.optional(),
    disabled: z.boolean().optional(),
    password: PasswordField.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), "nothing is to be changed")
  .openapi({ example: { role: "viewer" } });

export const NewKeyBody = z
  .strictObject({
    name: NameField,
    role: RoleField,
    expiresInMs: z
      .int()
      .min(1000)
      .max(10 * YEAR_MS)
      .nullable()
      .openapi({ description: "how long it is good for; null: until it is revoked" }),
  })
  .openapi({ example: { name: "prometheus", role: "viewer", expiresInMs: null } });

export const IdParameter = z.object({
  id: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[\w-]+$/, "this is no id"),
});
