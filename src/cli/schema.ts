import { listSchemas, schemaOf } from './documents/schemas';
import { json } from './output/escape';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument } from './program/options';
import { table } from './tables/table';

export const command: VerbSpec = {
  description: 'the JSON schemas of what --json prints',
  arguments: [argument('[document]', 'the document whose schema is printed; without it, all are listed')],
  examples: ['schema', 'schema list'],
  run: schema,
};

function schema(context: Context, document: string | undefined): undefined {
  if (document !== undefined) {
    context.page(`${json(schemaOf(document), 2)}\n`);
    return;
  }
  const documents = listSchemas();
  if (context.options.json) context.printJson({ schema: 'udrv.schemas/1', documents });
  else {
    const { style, width } = context;
    const rows = documents.map(({ name, description }) => [{ text: name, meaning: 'heading' as const }, description]);
    context.page(table(rows, { style, width, wrap: true }));
  }
}
