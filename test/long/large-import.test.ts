import { expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { connectMailbox, setUp } from '../servers/api-client.ts';
import { startApp } from '../servers/app.ts';
import { startDovecot } from '../servers/dovecot.ts';
import { fillInbox } from '../servers/large-folder.ts';
import { memoryOf } from '../servers/memory-of.ts';
import { testDatabase } from '../servers/postgres.ts';

/** `LARGE_FOLDER=1000000 npm run test:long -- large-import` for the full size; it takes half an hour. */
const count = Number(process.env.LARGE_FOLDER ?? 50_000);
const megabyte = 1024 * 1024;
const user = 'large@letterlog.test';

test(
  `edge case 20: history of ${count} messages is imported into the ledger in bounded memory`,
  { timeout: 7_200_000 },
  async () => {
    await using database = await testDatabase();
    await using dovecot = await startDovecot({ extra: 'default_vsz_limit = 4G' });
    await dovecot.addUser(user);
    await fillInbox(dovecot, user, mail({ from: 'stranger@elsewhere.test', to: user }), count);
    await using app = await startApp({ env: { DATABASE_URL: database.url, LETTERLOG_TLS_CA: dovecot.caFile } });
    const { api } = await setUp(app.url, app.setupToken!);
    const { id } = await connectMailbox(
      api,
      { address: user, password: 'secret', host: 'localhost', port: dovecot.ports.imaps },
      ['INBOX'],
    );
    await expect
      .poll(async () => (await api.get(`/connections/${id}`)).lastSyncedAt, { timeout: 60_000 })
      .not.toBeNull();

    const before = memoryOf(app.pid);
    let most = before;
    const looking = setInterval(() => (most = Math.max(most, memoryOf(app.pid))), 100);
    const began = performance.now();
    await api.post(`/connections/${id}/history`, { since: null });
    const state = async () => (await api.get(`/connections/${id}/history`)).items[0].state;
    await expect.poll(state, { timeout: 7_000_000, interval: 500 }).toBe('done');
    clearInterval(looking);

    const { rows } = await database.db
      .selectFrom('sighting')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .where('state', '=', 'skipped')
      .execute()
      .then((all) => ({ rows: all }));
    expect(rows).toEqual([{ count: String(count) }]);
    const grown = (most - before) / megabyte;
    process.stdout.write(
      `${count} messages: imported in ${((performance.now() - began) / 1000).toFixed(0)} s, ${grown.toFixed(0)} MB more memory than the ${(before / megabyte).toFixed(0)} MB before\n`,
    );
    expect(most - before).toBeLessThan(200 * megabyte);
  },
);
