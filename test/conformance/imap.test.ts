import { afterAll, beforeAll } from 'vitest';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { imapRig, makeUsers } from './imap-rig.ts';
import { providerSuite } from './provider-suite.ts';

let dovecot: Dovecot;
beforeAll(async () => {
  dovecot = await startDovecot();
  await makeUsers(dovecot, 20);
});
afterAll(() => dovecot[Symbol.asyncDispose]());

// The server tells of news: nothing is asked meanwhile.
providerSuite('IMAP', () => imapRig(dovecot, { pollSeconds: 3600 }));
