import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError, loadConfig, settingNames } from './config.ts';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(path.join(tmpdir(), 'letterlog-config-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const load = (env: Record<string, string> = {}) => loadConfig({ LETTERLOG_DATA_DIR: path.join(dir, 'data'), ...env });
const problems = (env: Record<string, string>) => {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

test('without any variable it listens on loopback and uses the embedded database', () => {
  expect(load()).toMatchObject({
    host: '127.0.0.1',
    port: 4700,
    url: 'http://localhost:4700',
    databaseUrl: null,
    allowInternalHosts: [],
    logLevel: 'info',
  });
  expect([...load().roles]).toEqual(['web', 'sync', 'jobs']);
});

test('every mistake is reported at once, and nothing is written', () => {
  const found = problems({
    PORT: '70000',
    LETTERLOG_URL: 'crm.example.com/app',
    DATABASE_URL: 'mysql://root:hunter2@db/x',
    LETTERLOG_KEY: 'short',
    LETTERLOG_ROLES: 'web,mail',
    LETTERLOG_ALLOW_INTERNAL_HOSTS: '10.0.0.0/40, not a host',
    LETTERLOG_TLS_CA: '/does/not/exist.pem',
    LETTERLOG_SWEEP_SECONDS: '0',
    LETTERLOG_LOG_LEVEL: 'loud',
    LETTERLOG_SWEEP: '5',
  });
  expect(found.map((problem) => problem.split(' ')[0]).sort()).toEqual(
    [
      'PORT',
      'LETTERLOG_URL',
      'DATABASE_URL',
      'LETTERLOG_KEY',
      'LETTERLOG_ROLES',
      'LETTERLOG_ALLOW_INTERNAL_HOSTS',
      'LETTERLOG_TLS_CA',
      'LETTERLOG_SWEEP_SECONDS',
      'LETTERLOG_LOG_LEVEL',
      'LETTERLOG_SWEEP',
    ].sort(),
  );
  expect(found.join()).not.toContain('hunter2');
  expect(existsSync(path.join(dir, 'data'))).toBe(false);
});

test('the public address loses its trailing slash and gives the port when it is not set', () => {
  expect(load({ LETTERLOG_URL: 'https://crm.example.com/' }).url).toBe('https://crm.example.com');
  expect(load({ PORT: '8080', HOST: '0.0.0.0' }).url).toBe('http://localhost:8080');
});

test('hosts, addresses and ranges may be allowed', () => {
  const allowed = load({ LETTERLOG_ALLOW_INTERNAL_HOSTS: 'mail.lan, 127.0.0.1,::1 ,fd00::/8,' }).allowInternalHosts;
  expect(allowed).toEqual(['mail.lan', '127.0.0.1', '::1', 'fd00::/8']);
});

test('a key is given in base64, base64url or hex', () => {
  const key = Buffer.alloc(32, 0xfb);
  for (const text of [key.toString('base64'), key.toString('base64url'), key.toString('hex')])
    expect(load({ LETTERLOG_KEY: text }).key).toEqual(key);
  expect(existsSync(path.join(dir, 'data/key'))).toBe(false);
});

test('the first run makes a key that only its owner may read, and later runs use it', () => {
  const first = load().key;
  expect(first).toHaveLength(32);
  expect(statSync(path.join(dir, 'data/key')).mode & 0o777).toBe(0o600);
  expect(load().key).toEqual(first);
});

test('a key file that others may read is refused', () => {
  load();
  chmodSync(path.join(dir, 'data/key'), 0o640);
  expect(problems({})).toEqual([expect.stringContaining('chmod 600')]);
});

test('a damaged key file is refused, not replaced', () => {
  load();
  writeFileSync(path.join(dir, 'data/key'), '');
  expect(problems({})).toEqual([expect.stringContaining('Restore it from a backup')]);
  expect(readFileSync(path.join(dir, 'data/key'), 'utf8')).toBe('');
});

test('a data folder that cannot be made is reported', () => {
  writeFileSync(path.join(dir, 'file'), '');
  expect(problems({ LETTERLOG_DATA_DIR: path.join(dir, 'file/data') })).toEqual([
    expect.stringContaining('LETTERLOG_DATA_DIR'),
  ]);
});

test('the documentation has a row for each setting and no other, and the code reads each', () => {
  const root = path.join(import.meta.dirname, '..');
  const rows = readFileSync(path.join(root, 'docs/configuration.md'), 'utf8').matchAll(/^\| `(\w+)`/gm);
  expect([...rows].map((row) => row[1])).toEqual([...settingNames]);
  const code = readFileSync(path.join(root, 'src/config.ts'), 'utf8').matchAll(/\bread(?:<[^(]+>)?\('(\w+)'/g);
  expect([...code].map((call) => call[1]).sort()).toEqual([...settingNames].sort());
});
