import { setTimeout as sleep } from 'node:timers/promises';
import { connectMailbox } from '../test/servers/api-client.ts';
import type { Dovecot } from '../test/servers/dovecot.ts';
import type { Mails } from './mailbox.ts';
import type { Product } from './product.ts';

/** A mailbox that is connected to the product and paused, with one empty folder chosen. */
export async function connectPaused(product: Product, dovecot: Dovecot, user: string, folder: string): Promise<string> {
  const { id } = await connectMailbox(
    product.api,
    { address: user, password: 'secret', host: 'localhost', port: dovecot.ports.imaps },
    [folder],
  );
  await product.api.patch(`/connections/${id}`, { paused: true });
  return id;
}

/**
 * Lets the connection go on and waits until all that the folder holds (UIDs 1 to `count`) is committed; throws unless it is, with the
 * expected number of messages in the log.
 */
export async function importAll(product: Product, id: string, mails: Mails): Promise<void> {
  const { api, sql } = product;
  await api.patch(`/connections/${id}`, { paused: false });
  // The last of them is committed last. Looking for it costs the database next to nothing, unlike counting; each time anew it would cost as much as planning it.
  const text = `select from folder join sighting on sighting.folder_id = folder.id and sighting.epoch = folder.epoch and sighting.ref = $2
    where folder.connection_id = $1 and folder.chosen`;
  const last = { name: 'last', text, values: [id, String(mails.count)] };
  while ((await sql.query(last)).rowCount === 0) await sleep(20);
  const { rows } = await sql.query(
    `select count(*)::int as count, (count(*) filter (where state = 'logged'))::int as logged from sighting where connection_id = $1`,
    [id],
  );
  const { count, logged } = rows[0];
  if (count !== mails.count || logged !== mails.count * mails.share)
    throw new Error(`${count} sightings were committed, ${logged} of them logged`);
}
