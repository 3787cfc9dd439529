import Ajv, { type ValidateFunction } from 'ajv/dist/2020';
import { type Schema, schemaOf } from '../../src/cli/documents/schemas';

/** Documents that the contract gives no `schema`: found by their fields. */
export const WITHOUT_SCHEMA = [
  'info',
  'event',
  'read',
  'dump',
  'interrupt',
  'transfer',
  'latencies',
  'dma-test',
  'error',
];

const validators = new Map<string, ValidateFunction>();

/**
 * Compares JSON that commands printed with the schemas, more strictly than these are for others: a field that is not in
 * the types is an error, because it would not be in the schema.
 *
 * @param command the words of the command, or a script that has several
 * @throws Error where a document is not as its schema says
 */
export function checkDocuments(command: readonly string[], printed: { stdout: string; stderr: string }): void {
  if (!/--json\b/.test(command.join(' '))) return;
  // Fields that were not chosen are not there.
  const isPartial = /--columns\b|\b(?:list|ls|groups)\b.* -o\b/.test(command.join(' '));
  for (const document of [...documentsIn(printed.stdout), ...documentsIn(printed.stderr)]) check(document, isPartial);
}

/** Returns the JSON objects in a text: one that is all of it, or those that are a line each; others are not JSON. */
function documentsIn(text: string): object[] {
  const whole = objectIn(text);
  if (whole !== null) return [whole];
  return text.split('\n').flatMap((line) => objectIn(line) ?? []);
}

function objectIn(text: string): object | null {
  if (!text.trimStart().startsWith('{')) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function check({ host, ...document }: { host?: unknown; schema?: unknown }, isPartial: boolean): void {
  if (host !== undefined && typeof host !== 'string') throw new Error(`host is no text: ${host}`);
  const names = 'schema' in document ? [String(document.schema)] : WITHOUT_SCHEMA;
  const tried = names.map((name) => validatorOf(name, isPartial));
  if (tried.some((validate) => validate(document))) return;
  const errors = tried.flatMap((validate, i) =>
    (validate.errors ?? []).map(({ instancePath, message, params }) => ({
      schema: names[i],
      instancePath,
      message,
      params,
    })),
  );
  const shown = errors.slice(0, 20).map((error) => JSON.stringify(error));
  throw new Error(`not as its schema says: ${JSON.stringify(document).slice(0, 2000)}\n${shown.join('\n')}`);
}

function validatorOf(name: string, isPartial: boolean): ValidateFunction {
  const key = `${name} ${isPartial}`;
  const known = validators.get(key);
  if (known !== undefined) return known;
  const validate = new Ajv({ validateFormats: false, strictTypes: false }).compile(
    strict(schemaOf(name), isPartial) as Schema,
  );
  validators.set(key, validate);
  return validate;
}

/** Forbids what a schema does not name, where it names anything. */
function strict(schema: unknown, isPartial: boolean): unknown {
  if (Array.isArray(schema)) return schema.map((one) => strict(one, isPartial));
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema)
    .filter(([key]) => !(isPartial && key === 'required'))
    .map(([key, value]) => [key, strict(value, isPartial)] as const);
  // The document itself is a reference; the properties beside it are those of all documents, which `check` takes away.
  const isOpen = !('properties' in schema) || 'additionalProperties' in schema || '$ref' in schema;
  return { ...Object.fromEntries(entries), ...(!isOpen && { additionalProperties: false }) };
}
