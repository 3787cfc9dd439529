import {
  createFormatter,
  createParser,
  createProgram,
  DEFAULT_CONFIG,
  NumberType,
  SchemaGenerator,
} from 'ts-json-schema-generator';
import { SyntaxKind } from 'typescript';

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

/** Compiler's comment on Record, which says nothing of ours. */
const OF_RECORD = 'Construct a type with a set of properties K of type T';

/**
 * Makes the JSON schemas (draft 2020-12) of all documents from their types: one schema whose properties are the
 * documents by name, and whose definitions they share, a definition a line.
 */
export function generateSchemas(): string {
  const config = {
    ...DEFAULT_CONFIG,
    path: 'src/cli/documents/index.ts',
    tsconfig: 'tsconfig.json',
    type: 'Documents',
    skipTypeCheck: true,
    // Fields may come later.
    additionalProperties: true,
    topRef: false,
    expose: 'export',
    jsDoc: 'extended',
    sortProps: false,
    encodeRefs: false,
  } as const;
  const program = createProgram(config);
  // Of a table like `{ reset: 1 << 0 }` only the names matter.
  const parser = createParser(program, config, (chain) =>
    chain.addNodeParser({
      supportsNode: ({ kind }) => (kind as number) === SyntaxKind.BinaryExpression,
      createType: () => new NumberType(),
    }),
  );
  const generator = new SchemaGenerator(program, parser, createFormatter(config), config);
  const { properties, definitions } = generator.createSchema('Documents') as unknown as Record<string, JsonObject>;
  const lines = (of: JsonObject | undefined) =>
    Object.entries(of ?? {})
      .map(([name, schema]) => `${JSON.stringify(name)}:${JSON.stringify(modern(schema))}`)
      .join(',\n');
  return [
    '{"$schema":"https://json-schema.org/draft/2020-12/schema",\n"properties":{\n',
    lines(properties),
    '},\n"$defs":{\n',
    lines(definitions),
    '}}\n',
  ].join('');
}

/** Makes draft 2020-12 of draft 7, and leaves out what says nothing. */
function modern(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(modern);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { type, ...others } = schema;
  const isListed = 'const' in schema || 'enum' in schema;
  return Object.fromEntries(
    Object.entries(isListed ? others : schema).flatMap(([key, value]): [string, Json][] => {
      if (key === '$ref') return [[key, String(value).replace('#/definitions/', '#/$defs/')]];
      if (key === 'description') return value === OF_RECORD ? [] : [[key, value]];
      if (key === 'anyOf' && Array.isArray(value)) return [[key, value.filter((one) => !isNothing(one)).map(modern)]];
      return [[key, modern(value)]];
    }),
  );
}

/** Tells whether a schema is that of `undefined`, which no JSON has. */
const isNothing = (schema: Json) => JSON.stringify(schema) === '{"not":{}}';
