import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Dovecot } from '../test/servers/dovecot.ts';

const run = promisify(execFile);

/** A mirror by mbsync (Debian's isync) of one folder into a new Maildir over TLS, with its defaults (FSync yes). */
export async function prepareMirror(dovecot: Dovecot, user: string, folder: string) {
  const home = await mkdtemp(path.join(os.tmpdir(), 'mbsync-'));
  await mkdir(path.join(home, 'mail'));
  const configuration = path.join(home, 'mbsyncrc');
  await writeFile(
    configuration,
    `IMAPStore far
Host localhost
Port ${dovecot.ports.imaps}
User ${user}
Pass secret
SSLType IMAPS
CertificateFile ${dovecot.caFile}

MaildirStore near
Path ${home}/mail/
Inbox ${home}/mail/INBOX
SubFolders Verbatim

Channel mirror
Far :far:
Near :near:
Patterns "${folder}"
Create Near
Sync Pull
SyncState *
`,
  );
  return {
    maildir: path.join(home, 'mail', folder),
    mirror: async () => {
      await run('mbsync', ['-q', '-c', configuration, 'mirror'], { env: { ...process.env, HOME: home } });
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
