import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from '../../errors';
import { packageFolder } from '../../sys/package-folder';
import { didYouMean } from '../../text/nearest';

/** A JSON schema, of draft 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

/** The schema of all documents, as `npm run schemas` makes it. */
interface Schemas {
  $schema: string;
  /** Documents by name, each with a description. */
  properties: Record<string, { $ref: string; description: string }>;
  $defs: Record<string, Schema>;
}

/** The field that `--host` gives each document. */
const HOST = { type: 'string', description: 'The host that it is of, with --host.' };

/** Documents that udrv reads, with a schema that was written by hand. */
const READ: Readonly<Record<string, { file: string; description: string }>> = {
  map: { file: 'fixtures/register-map.schema.json', description: 'names of registers, which --map reads' },
};

/** Lists the documents by the names that `udrv schema` takes. */
export function listSchemas(): { name: string; description: string }[] {
  const printed = Object.entries(readJson<Schemas>('fixtures/schemas.json').properties);
  return [...printed, ...Object.entries(READ)].map(([name, { description }]) => ({ name, description }));
}

/**
 * Returns the schema of a document, with all definitions that it needs.
 *
 * @param name as {@link listSchemas} has it, or as the document has it in `schema`: `udrv.list/1`
 * @throws UdrvError exit 2 where there is none
 */
export function schemaOf(name: string): Schema {
  const short = name.replace(/^udrv\./, '').replace(/\/1$/, '');
  if (Object.hasOwn(READ, short)) return readJson(READ[short]?.file ?? '');
  const { $schema, properties, $defs } = readJson<Schemas>('fixtures/schemas.json');
  const document = Object.hasOwn(properties, short) ? properties[short] : undefined;
  if (document === undefined) throw noSuchSchema(name, short);
  return {
    $schema,
    title: `udrv ${short}`,
    ...document,
    properties: { host: HOST },
    $defs: definitionsOf(document, $defs),
  };
}

function noSuchSchema(name: string, short: string): Error {
  const names = listSchemas().map((one) => one.name);
  const hint = didYouMean(short, names) ?? 'udrv schema lists them';
  return usageError(name, 'no such schema', hint);
}

/** Returns the definitions that a schema comes to, in their order. */
function definitionsOf(schema: Schema, all: Schemas['$defs']): Schemas['$defs'] {
  const found = new Set<string>();
  const visit = (one: Schema) => {
    for (const [, name = ''] of JSON.stringify(one).matchAll(/"#\/\$defs\/([^"]+)"/g)) {
      const definition = all[name];
      if (definition === undefined || found.has(name)) continue;
      found.add(name);
      visit(definition);
    }
  };
  visit(schema);
  return Object.fromEntries(Object.entries(all).filter(([name]) => found.has(name)));
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(join(packageFolder(), file), 'utf8')) as T;
}
