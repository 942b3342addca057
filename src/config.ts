import { chmodSync, linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { randomBytes, randomUUID } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import path from 'node:path';

export const roles = ['web', 'sync', 'jobs'] as const;
export type Role = (typeof roles)[number];

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export interface Config {
  host: string;
  port: number;
  /** The address that people use, without a slash at its end: links, cookies and the origin check go by it. */
  url: string;
  /** Absolute. */
  dataDir: string;
  /** null: the embedded PostgreSQL below dataDir. */
  databaseUrl: string | null;
  /** 32 bytes; seals credentials and accounts' keys. */
  key: Buffer;
  roles: ReadonlySet<Role>;
  /** Host names, IP addresses and CIDR ranges that mailboxes may be on although they are internal. */
  allowInternalHosts: string[];
  /** PEM text of further certificate authorities for mail servers. */
  tlsCa: string | undefined;
  /** How often every chosen folder is looked at even when the server announced nothing. */
  sweepSeconds: number;
  databaseConnections: number;
  /** The most connections to one mail server. */
  connectionsPerServer: number;
  /** Worker threads that parse messages. */
  parserThreads: number;
  /** Whether senders are looked at, by DNS queries, where a mailbox's server doesn't. */
  senderChecks: boolean;
  /** Whether X-Forwarded-For and -Proto of a reverse proxy are believed. */
  trustProxy: boolean;
  logLevel: (typeof logLevels)[number];
}

/** Wrong settings, all of them: each line names one and says what is right. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Letterlog can't start, because of its settings:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads the settings from the environment (docs/configuration.md). Makes the data folder and, on the first run, its key.
 * An empty value counts as not set. Throws ConfigError with every mistake.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const problems: string[] = [];
  const read = <T>(name: string, fallback: T, parse: (text: string) => T): T => {
    const text = env[name]?.trim();
    if (!text) return fallback;
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return fallback;
    }
  };

  const host = read('HOST', '127.0.0.1', (text) => text);
  const port = read('PORT', 4700, wholeNumber(1, 65_535));
  const dataDir = read('LETTERLOG_DATA_DIR', path.resolve('data'), (text) => path.resolve(text));
  const config = {
    host,
    port,
    url: read('LETTERLOG_URL', `http://${isIP(host) === 6 ? `[${host}]` : shownHost(host)}:${port}`, publicUrl),
    dataDir,
    databaseUrl: read<string | null>('DATABASE_URL', null, databaseUrl),
    roles: read<ReadonlySet<Role>>('LETTERLOG_ROLES', new Set(roles), roleSet),
    allowInternalHosts: read('LETTERLOG_ALLOW_INTERNAL_HOSTS', [], hostList),
    tlsCa: read<string | undefined>('LETTERLOG_TLS_CA', undefined, pemFile),
    sweepSeconds: read('LETTERLOG_SWEEP_SECONDS', 300, wholeNumber(1, 86_400)),
    databaseConnections: read('LETTERLOG_DATABASE_CONNECTIONS', 20, wholeNumber(4, 150)),
    connectionsPerServer: read('LETTERLOG_CONNECTIONS_PER_SERVER', 1000, wholeNumber(1, 100_000)),
    parserThreads: read('LETTERLOG_PARSER_THREADS', 2, wholeNumber(1, 64)),
    senderChecks: read('LETTERLOG_SENDER_CHECKS', true, yesOrNo),
    trustProxy: read('LETTERLOG_TRUST_PROXY', false, yesOrNo),
    logLevel: read('LETTERLOG_LOG_LEVEL', 'info', oneOf(logLevels)),
  };
  const givenKey = read<Buffer | undefined>('LETTERLOG_KEY', undefined, keyBytes);
  // LETTERLOG_TEST_... are the tests' own, and their processes start ours.
  for (const name of Object.keys(env).filter((name) => /^LETTERLOG_(?!TEST_)/.test(name)))
    if (!knownNames.has(name)) problems.push(`${name} is not a setting. docs/configuration.md lists those that are.`);
  if (problems.length > 0) throw new ConfigError(problems);

  // Last, since it writes: a start with wrong settings leaves nothing behind.
  return { ...config, key: givenKey ?? keyOfFolder(dataDir) };
}

/** Every setting; docs/configuration.md has a row for each. */
export const settingNames = [
  'HOST',
  'PORT',
  'LETTERLOG_URL',
  'LETTERLOG_DATA_DIR',
  'DATABASE_URL',
  'LETTERLOG_KEY',
  'LETTERLOG_ROLES',
  'LETTERLOG_ALLOW_INTERNAL_HOSTS',
  'LETTERLOG_TLS_CA',
  'LETTERLOG_SWEEP_SECONDS',
  'LETTERLOG_DATABASE_CONNECTIONS',
  'LETTERLOG_CONNECTIONS_PER_SERVER',
  'LETTERLOG_PARSER_THREADS',
  'LETTERLOG_SENDER_CHECKS',
  'LETTERLOG_TRUST_PROXY',
  'LETTERLOG_LOG_LEVEL',
] as const;

const knownNames = new Set<string>(settingNames);

const shownHost = (host: string) => (host === '0.0.0.0' || host === '127.0.0.1' ? 'localhost' : host);

const wholeNumber = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new Error(`must be a whole number from ${least} to ${most}, not "${text}".`);
  return value;
};

const oneOf =
  <T extends string>(choices: readonly T[]) =>
  (text: string): T => {
    const choice = choices.find((candidate) => candidate === text.toLowerCase());
    if (choice === undefined) throw new Error(`must be one of ${choices.join(', ')}, not "${text}".`);
    return choice;
  };

const yesOrNo = (text: string) => oneOf(['yes', 'no'])(text) === 'yes';

function roleSet(text: string): ReadonlySet<Role> {
  const one = oneOf(roles);
  return new Set(
    list(text).map((item) => {
      try {
        return one(item);
      } catch {
        throw new Error(`must be a comma-separated list of ${roles.join(', ')}, not "${text}".`);
      }
    }),
  );
}

function publicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.hash || url.username)
    throw new Error(`must be the address that people open, such as https://crm.example.com, not "${text}".`);
  return url.origin;
}

function databaseUrl(text: string): string {
  // Not repeated in the message: it holds the password.
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text))
    throw new Error('must be an address such as postgres://user:password@host:5432/database.');
  return text;
}

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

function hostList(text: string): string[] {
  const wrong = list(text).filter((item) => !isHost(item));
  if (wrong.length > 0)
    throw new Error(
      `must be a comma-separated list of host names, IP addresses and ranges such as 10.0.0.0/8; "${wrong.join('", "')}" is none.`,
    );
  return list(text);
}

function isHost(item: string): boolean {
  const [address, bits, more] = item.split('/') as [string, string?, string?];
  const family = isIP(address);
  if (bits === undefined) return family !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(item);
  if (more !== undefined || family === 0 || !/^\d+$/.test(bits)) return false;
  try {
    new BlockList().addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
    return true;
  } catch {
    return false;
  }
}

function pemFile(text: string): string {
  let pem: string;
  try {
    pem = readFileSync(text, 'utf8');
  } catch (error) {
    throw new Error(`must name a file that can be read: ${(error as Error).message}.`, { cause: error });
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----'))
    throw new Error(`must name a file with certificates in PEM form; ${text} has none.`);
  return pem;
}

function keyBytes(text: string): Buffer {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  const readBack = [key.toString('base64'), key.toString('base64url'), key.toString('hex')];
  if (key.length !== 32 || !readBack.includes(/^[0-9a-f]{64}$/i.test(text) ? text.toLowerCase() : text))
    throw new Error('must be 32 random bytes in base64 or hex, for example from "openssl rand -base64 32".');
  return key;
}

/** The key kept in the data folder, made at the first run. Never replaced: what it sealed could not be opened again. */
function keyOfFolder(dataDir: string): Buffer {
  const file = path.join(dataDir, 'key');
  try {
    makeDataDir(dataDir);
    makeKey(file);
    const { mode } = statSync(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new Error(`Others may read ${file}. Make it yours alone: chmod 600 ${file}`);
    try {
      return keyBytes(readFileSync(file, 'utf8').trim());
    } catch (cause) {
      throw new Error(`${file} holds no key. Restore it from a backup: without it no stored password can be opened.`, {
        cause,
      });
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError([
      code === undefined
        ? message
        : `LETTERLOG_DATA_DIR must be a folder that Letterlog may write; ${dataDir} is not (${code}).`,
    ]);
  }
}

function makeDataDir(dataDir: string): void {
  // Enterable for the database's own user, who is another one when Letterlog is started by root.
  if (mkdirSync(dataDir, { recursive: true }) !== undefined) chmodSync(dataDir, 0o711);
}

function makeKey(file: string): void {
  // Linked into place complete: two first starts agree on one key, and none reads half of it.
  const draft = `${file}.${randomUUID()}`;
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return;
  writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}
