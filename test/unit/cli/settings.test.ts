import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseSettings, readSettings } from '../../../src/cli/program/settings';
import { anyText } from '../../support/any-text';

function parsed(text: string) {
  const warnings: string[] = [];
  const settings = parseSettings(text, 'config', (warning) => warnings.push(warning));
  return { settings: Object.fromEntries(settings), warnings };
}

test('lines of KEY = VALUE, comments, blank lines; the last of a key counts', () => {
  expect(parsed('# mine\n\n list.columns = a, b\r\ncolor=never\nlist.columns=x=y\n  # more\npager =')).toEqual({
    settings: {
      'list.columns': { value: 'x=y', where: 'config:5' },
      color: { value: 'never', where: 'config:4' },
      pager: { value: '', where: 'config:7' },
    },
    warnings: [],
  });
});

test.each([
  ['color', 'config:2: is not KEY = VALUE; the line is ignored'],
  ['color = red', 'config:2: color is auto, always, never, not red; the line is ignored'],
  ['list.sort =', 'config:2: list.sort has no value; the line is ignored'],
  [
    'list.colums = a',
    'config:2: no such setting: list.colums; there are color, pager, and COMMAND.columns and COMMAND.sort of each list; the line is ignored',
  ],
  [
    '= a',
    "config:2: no such setting: ''; there are color, pager, and COMMAND.columns and COMMAND.sort of each list; the line is ignored",
  ],
])('%s is remarked on, and the rest counts', (line, warning) => {
  const { settings, warnings } = parsed(`usb.list.sort = -speed\n${line}\nvfio.groups.columns = group\n`);
  expect(warnings).toEqual([warning]);
  expect(Object.keys(settings)).toEqual(['usb.list.sort', 'vfio.groups.columns']);
});

test('any text is settings or remarks', () => {
  fc.assert(
    fc.property(anyText(), (text) => {
      const { settings, warnings } = parsed(text);
      expect(Object.keys(settings).length + warnings.length).toBeLessThanOrEqual(text.split('\n').length);
    }),
  );
});

describe('the file', () => {
  let home: string;
  let file: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'udrv-settings-'));
    file = join(home, '.config/udrv/config');
    mkdirSync(join(home, '.config/udrv'), { recursive: true });
  });
  afterEach(() => rmSync(home, { recursive: true }));

  function read(env: NodeJS.ProcessEnv) {
    const warnings: string[] = [];
    const settings = readSettings(env, (warning) => warnings.push(warning));
    return { color: settings.get('color')?.value, warnings };
  }

  test('is in XDG_CONFIG_HOME, else in HOME; a relative path is none', () => {
    const xdg = join(home, 'xdg');
    mkdirSync(join(xdg, 'udrv'), { recursive: true });
    writeFileSync(join(xdg, 'udrv/config'), 'color = always\n');
    writeFileSync(file, 'color = never\n');
    expect(read({ HOME: home })).toEqual({ color: 'never', warnings: [] });
    expect(read({ HOME: home, XDG_CONFIG_HOME: xdg })).toEqual({ color: 'always', warnings: [] });
    expect(read({ HOME: home, XDG_CONFIG_HOME: 'xdg' })).toEqual({ color: 'never', warnings: [] });
    expect(read({ HOME: home, XDG_CONFIG_HOME: '' })).toEqual({ color: 'never', warnings: [] });
    expect(read({})).toEqual({ color: undefined, warnings: [] });
    expect(read({ HOME: 'relative' })).toEqual({ color: undefined, warnings: [] });
  });

  test('that is not there is no matter', () => {
    expect(read({ HOME: home })).toEqual({ color: undefined, warnings: [] });
    expect(read({ HOME: '/dev/null' })).toEqual({ color: undefined, warnings: [] });
  });

  test('that is none is remarked on, and nothing waits for it', () => {
    mkdirSync(file);
    expect(read({ HOME: home }).warnings).toEqual([`${file}: no regular file: the settings are not used`]);
    rmSync(file, { recursive: true });
    spawnSync('mkfifo', [file]);
    expect(read({ HOME: home }).warnings).toEqual([`${file}: no regular file: the settings are not used`]);
    rmSync(file);
    writeFileSync(file, 'x'.repeat(100_000));
    expect(read({ HOME: home }).warnings).toEqual([`${file}: too large: the settings are not used`]);
  });

  (process.geteuid?.() === 0 ? test : test.skip)('of another user is not used, as sudo may leave HOME to root', () => {
    writeFileSync(file, 'color = always\n');
    chownSync(file, 65534, 65534);
    expect(read({ HOME: home })).toEqual({
      color: undefined,
      warnings: [`${file}: belongs to another user: the settings are not used`],
    });
  });

  (process.geteuid?.() === 0 ? test.skip : test)('that may not be read is remarked on', () => {
    writeFileSync(file, '');
    chmodSync(file, 0);
    expect(read({ HOME: home }).warnings).toEqual([`${file}: EACCES: the settings are not used`]);
  });
});
