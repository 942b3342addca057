import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

/** Work that ends when it is told to; `begun` names what has begun, in order. */
function pieces(turns: ReturnType<typeof createTurns>) {
  const begun: string[] = [];
  const open = new Map<string, () => void>();
  return {
    begun,
    begin: (owner: string, name: string) =>
      turns(owner, () => {
        begun.push(name);
        return new Promise<void>((resolve) => open.set(name, resolve));
      }),
    end: async (name: string) => {
      open.get(name)!();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('no more run at a time than may, and those who wait follow', async () => {
  const { begun, begin, end } = pieces(createTurns(2));
  for (const name of ['1', '2', '3']) void begin('one', name);
  expect(begun).toEqual(['1', '2']);
  await end('2');
  expect(begun).toEqual(['1', '2', '3']);
});

test("a single piece waits for one of another's ten thousand at most", async () => {
  const { begun, begin, end } = pieces(createTurns(1));
  for (let number = 0; number < 10_000; number += 1) void begin('large', `large ${number}`);
  void begin('small', 'small');
  void begin('other', 'other');
  await end('large 0');
  await end('large 1');
  await end('small');
  await end('other');
  expect(begun).toEqual(['large 0', 'large 1', 'small', 'other', 'large 2']);
});

test('an owner has its own bound, and what waits for it holds up nobody else', async () => {
  const { begun, begin, end } = pieces(createTurns(3, 1));
  void begin('one', 'one 1');
  void begin('one', 'one 2');
  void begin('two', 'two 1');
  expect(begun).toEqual(['one 1', 'two 1']);
  await end('two 1');
  expect(begun).toEqual(['one 1', 'two 1']);
  await end('one 1');
  expect(begun).toEqual(['one 1', 'two 1', 'one 2']);
});

test('work that fails gives its turn on', async () => {
  const turns = createTurns(1);
  const failing = turns('one', () => Promise.reject(new Error('broken')));
  const next = turns('one', () => Promise.resolve('done'));
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});
