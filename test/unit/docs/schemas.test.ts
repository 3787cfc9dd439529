import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020';
import { listSchemas, schemaOf } from '../../../src/cli/documents/schemas';
import { checkDocuments, WITHOUT_SCHEMA } from '../../schemas/check';

// Every runner of commands in the tests compares the JSON that it sees with its schema (test/schemas/check.ts). Here is
// what holds for the schemas themselves, and that the comparison notices what is wrong.

const ROOT = join(__dirname, '../../..');

test('the schemas in the repository are those of the types', () => {
  const { status, stderr } = spawnSync(process.execPath, ['test/run-ts.cjs', 'test/schemas/main.ts', '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}, 120_000);

test.each(listSchemas().map(({ name }) => name))('%s is a schema of draft 2020-12, complete in itself', (name) => {
  const ajv = new Ajv({ validateFormats: false, strictTypes: false });
  const schema = schemaOf(name);
  expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
  expect(ajv.validateSchema(schema)).toBe(true);
  expect(typeof ajv.compile(schema)).toBe('function');
});

test('documents without a schema field are those that the contract fixes so', () => {
  const without = listSchemas()
    .map(({ name }) => name)
    .filter((name) => !JSON.stringify(schemaOf(name)).includes(`"const":"udrv.${name}/1"`));
  expect(without.sort()).toEqual([...WITHOUT_SCHEMA].sort());
});

describe('a reader may meet fields that come later', () => {
  const change = { schema: 'udrv.usb.change/1', address: '1-2', action: 'reset' };

  test('to the schema they are right', () => {
    const validate = new Ajv({ strictTypes: false }).compile(schemaOf('usb.change'));
    expect(validate({ ...change, since: 1 })).toBe(true);
    expect(validate({ ...change, action: 'other' })).toBe(false);
  });

  test('in the tests they are not, until the types have them', () => {
    expect(() => checked(change)).not.toThrow();
    expect(() => checked({ ...change, since: 1 })).toThrow(/not as its schema says.*since/s);
  });
});

describe('the comparison notices', () => {
  const error = { error: { code: 'EACCES', message: 'x: y', exit: 4 } };
  const steps = { schema: 'udrv.steps/1', steps: ['echo 1'] };

  test.each([
    ['a field that is missing', { schema: 'udrv.steps/1' }],
    ['another type', { ...steps, steps: [1] }],
    ['a document that has no schema', { ...steps, schema: 'udrv.other/1' }],
    ['a document that lost its schema field', { steps: [] }],
    ['an exit code that there is not', { error: { ...error.error, exit: 10 } }],
    ['null in a field that never is', { error: { ...error.error, message: null } }],
  ])('%s', (_, document) => {
    expect(() => checked(document)).toThrow();
  });

  test('nothing where all is right: a document, lines, errors, and text that is no JSON', () => {
    expect(() => checked(steps)).not.toThrow();
    checkDocuments(['udrv', '--json'], { stdout: `${JSON.stringify(steps, null, 2)}\n`, stderr: '' });
    checkDocuments(['udrv', '--json'], { stdout: '', stderr: `udrv: a remark\n${JSON.stringify(error)}\n` });
  });

  test('one line among others', () => {
    const lines = [steps, { ...steps, steps: null }, steps].map((line) => `${JSON.stringify(line)}\n`).join('');
    expect(() => checkDocuments(['udrv', '--json'], { stdout: lines, stderr: '' })).toThrow();
  });
});

function checked(document: object): void {
  checkDocuments(['udrv', '--json'], { stdout: JSON.stringify(document), stderr: '' });
}
