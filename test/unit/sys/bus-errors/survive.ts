// survive.ts FILE HOW: accesses to a mapping that is longer than its file, each SIGBUS. Prints what came of them.
import { LinuxSys } from '../../../../src/sys/linux/linux-sys';

const [file = '', how = ''] = process.argv.slice(2);
const sys = new LinuxSys({ survivesBusErrors: how !== 'default' });
const { pageSize } = sys;
const fd = sys.open(file, { write: true });
const map = (name: string) =>
  sys.mmap(fd, 2 * pageSize, true, 0, (offset, width) => new Error(`${name}: ${width} at ${offset - pageSize}`));
const attempt = (access: () => unknown) => {
  try {
    console.log(`${access()}`);
  } catch (error) {
    console.log((error as Error).message);
  }
};

const [first, second, third] = [map('first'), map('second'), map('third')];
attempt(() => first.read(0, 4));
attempt(() => first.read(pageSize, 1));
// The whole mapping has been replaced.
attempt(() => first.read(0, 4));
attempt(() => second.write(pageSize + 8, 4, 1));
first.close();
second.close();
const fourth = map('fourth');
const read = fourth.reader(pageSize + 16, 8);
attempt(read);
attempt(read);
attempt(() => third.read(0, 4));
// A mapping that nobody guards: the process ends.
if (how === 'stray') sys.mmap(fd, 2 * pageSize, false, 0).read(pageSize, 4);
console.log('end');
