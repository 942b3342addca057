import { expect, test } from 'vitest';
import { fakeDns } from '../../test/fixtures/fake-dns.ts';
import { createDns } from './dns.ts';

const minute = 60_000;

test('asks once for what it knows, for ten minutes at most', async () => {
  const dns = fakeDns({ 'TXT a.example': [['one']] });
  let now = 0;
  const ask = createDns(dns.ask, () => now);
  expect(await Promise.all([ask('a.example', 'TXT'), ask('A.example', 'TXT')])).toEqual([[['one']], [['one']]]);
  dns.records['TXT a.example'] = [['two']];
  now = 9 * minute;
  expect(await ask('a.example', 'TXT')).toEqual([['one']]);
  now = 11 * minute;
  expect(await ask('a.example', 'TXT')).toEqual([['two']]);
  expect(dns.asked).toHaveLength(2);
});

test('what isn’t there may come soon, and what failed sooner', async () => {
  const dns = fakeDns({ 'TXT broken.example': 'ESERVFAIL' });
  let now = 0;
  const ask = createDns(dns.ask, () => now);
  const tried = async (name: string) => {
    const before = dns.asked.length;
    await expect(ask(name, 'TXT')).rejects.toThrow();
    return dns.asked.length > before;
  };
  expect([await tried('none.example'), await tried('broken.example')]).toEqual([true, true]);
  now = minute / 2;
  expect([await tried('none.example'), await tried('broken.example')]).toEqual([false, true]);
  now = 3 * minute;
  expect(await tried('none.example')).toBe(true);
});

test('keeps the newest few thousand', async () => {
  const dns = fakeDns({ '*': [['x']] });
  const ask = createDns(dns.ask);
  for (let n = 0; n <= 5000; n += 1) await ask(`n${n}.example`, 'TXT');
  await ask('n5000.example', 'TXT');
  expect(dns.asked).toHaveLength(5001);
  await ask('n0.example', 'TXT');
  expect(dns.asked).toHaveLength(5002);
});
