import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliFails, cliPasses, ROOT, udrv } from './udrv';

cliPasses([
  ['schema', /^list +devices: list, .*^error +an error, on standard error.*^map +names of registers/ms],
  ['--json schema', /^\{"schema":"udrv.schemas\/1","documents":\[\{"name":"list","description":"[^"]+"\},.*\]\}\n$/],
]);

cliFails(2, [
  ['schema lst', 'lst: no such schema', 'did you mean list?'],
  ['schema udrv.doctr/1', 'udrv.doctr/1: no such schema', 'did you mean doctor?'],
  ['schema something', 'something: no such schema', 'udrv schema lists them'],
  ['schema toString', 'toString: no such schema', 'udrv schema lists them'],
]);

test.concurrent('a schema has the definitions that it needs, and no other', async () => {
  const [byName, byField] = await Promise.all([udrv('schema steps'), udrv('schema udrv.steps/1')]);
  expect(byField).toEqual(byName);
  expect(JSON.parse(byName.stdout)).toEqual({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'udrv steps',
    description: expect.any(String),
    $ref: '#/$defs/StepsDocument',
    properties: { host: { type: 'string', description: expect.any(String) } },
    $defs: {
      StepsDocument: {
        type: 'object',
        properties: { schema: { const: 'udrv.steps/1' }, steps: { type: 'array', items: { type: 'string' } } },
        required: ['schema', 'steps'],
      },
    },
  });
});

test.concurrent('a shell completes the names', async () => {
  const { stdout } = await udrv('completion bash');
  const [words = ''] = /(?<=' schema'\)\n *arguments\+=\(').*(?='\))/.exec(stdout) ?? [];
  const { documents } = JSON.parse((await udrv('--json schema')).stdout);
  expect(words.split(' ')).toEqual(documents.map(({ name }: { name: string }) => name));
});

test.concurrent('that of register maps is the file in the package', async () => {
  const file = readFileSync(join(ROOT, 'fixtures/register-map.schema.json'), 'utf8');
  expect(JSON.parse((await udrv('schema map')).stdout)).toEqual(JSON.parse(file));
});
