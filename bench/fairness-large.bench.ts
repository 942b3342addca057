import { mail } from '../test/fixtures/mail.ts';
import { connectMailbox } from '../test/servers/api-client.ts';
import { startDovecot } from '../test/servers/dovecot.ts';
import { fillInbox } from '../test/servers/large-folder.ts';
import { connectInboxes, deliverInTurn, liveMail, watchLogs } from './deliver-in-turn.ts';
import { type Figure, figure } from './figure.ts';
import { startProduct } from './product.ts';

const others = 20;
const large = 'large@letterlog.test';
const messages = 1_000_000;
const deliveries = 200;
const deliveriesMeanwhile = 1200;

/**
 * How soon live mail of twenty mailboxes is in the log in the first minutes of another mailbox's import of a million messages (hard links in a Maildir, indexed before), against the
 * same in quiet. On Dovecot, which announces mail after half a second.
 */
export async function* run(): AsyncIterable<Figure> {
  await using dovecot = await startDovecot({ extra: 'default_vsz_limit = 4G' });
  const users = Array.from({ length: others }, (_, index) => `live${index}@letterlog.test`);
  for (const user of [large, ...users]) await dovecot.addUser(user);
  await fillInbox(dovecot, large, mail({ from: 'somebody@stranger.example', to: large }), messages);
  await using product = await startProduct({ LETTERLOG_TLS_CA: dovecot.caFile });
  const { api } = product;
  const settings = { password: 'secret', host: 'localhost', port: dovecot.ports.imaps };
  const ids = await connectInboxes(product, dovecot, users);
  const { id } = await connectMailbox(api, { address: large, ...settings }, ['INBOX']);

  const logged = await watchLogs(product);
  // The first of each mailbox opens what stays open.
  await deliverInTurn(dovecot, ids, logged, async (count) => count === others);
  const quiet = await deliverInTurn(dovecot, ids, logged, async (count) => count === deliveries);

  await api.post(`/connections/${id}/history`, { since: null });
  const busy = await deliverInTurn(dovecot, ids, logged, async (count) => count === deliveriesMeanwhile);
  const { state, listed } = (await api.get(`/connections/${id}/history`)).items[0];
  if (state !== 'running' || listed === 0) throw new Error(`the import is ${state} after ${listed} messages`);

  const during = `while ${messages} messages are imported, against quiet`;
  yield* liveMail(during, busy, quiet);
  const longest = { ours: Math.max(...busy), reference: Math.max(...quiet), unit: 'ms' };
  yield figure(`live mail, the longest, ${during}`, longest, 'reported', () => true);
}
