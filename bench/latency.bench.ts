import { ImapFlow } from 'imapflow';
import { publishAnswerMap } from '../test/fixtures/answer-map.ts';
import { mail } from '../test/fixtures/mail.ts';
import { random } from '../test/fixtures/random.ts';
import { connectMailbox } from '../test/servers/api-client.ts';
import { startCyrus } from '../test/servers/cyrus.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { startProduct } from './product.ts';

const deliveries = 60;

/**
 * From the start of a delivery to the firing in the database, against the bare IDLE notification that another imapflow client gets of
 * the same delivery. On Cyrus: Dovecot delays its notifications by 500 ms.
 */
export async function* run(): AsyncIterable<Figure> {
  await using cyrus = await startCyrus(['rep']);
  await using product = await startProduct({ LETTERLOG_TLS_CA: cyrus.caFile });
  const { api, sql } = product;
  const watcher = new ImapFlow({
    host: 'localhost',
    port: cyrus.ports.imaps,
    secure: true,
    auth: { user: 'rep', pass: 'secret' },
    tls: { ca: cyrus.ca },
    logger: false,
    disableCompression: true,
  });
  await watcher.connect();
  await watcher.mailboxOpen('INBOX', { readOnly: true });
  let notified: (at: number) => void = () => undefined;
  watcher.on('exists', () => notified(now()));
  void watcher.idle();

  await api.post('/contacts', { addresses: ['anna@customer.test'] });
  await publishAnswerMap(api);
  await connectMailbox(
    api,
    {
      address: 'rep@cyrus.test',
      user: 'rep',
      password: 'secret',
      host: 'localhost',
      port: cyrus.ports.imaps,
    },
    ['INBOX', 'Sent'],
  );

  const source = random(1);
  const bare: number[] = [];
  const fired: number[] = [];
  for (let number = 0; number < deliveries; number += 1) {
    await new Promise((resolve) => setTimeout(resolve, source.between(300, 700)));
    const messageId = `latency.${number}@bench.example`;
    const announced = new Promise<number>((resolve) => (notified = resolve));
    const begin = now();
    await cyrus.deliver(mail({ from: 'anna@customer.test', to: 'rep@cyrus.test', messageId }), 'rep');
    bare.push((await announced) - begin);
    fired.push((await firingOf(messageId)) - begin);
  }
  await watcher.logout();

  for (const [name, point, limit] of [
    ['p50', 0.5, 60],
    ['p95', 0.95, 200],
  ] as const) {
    yield figure(
      `delivery to firing, ${name}, quiet mailbox on Cyrus`,
      { ours: quantile(fired, point), reference: quantile(bare, point), unit: 'ms' },
      `within ${limit} ms of the bare IDLE notification`,
      (_, difference) => difference <= limit,
    );
  }

  async function firingOf(messageId: string): Promise<number> {
    for (;;) {
      const { rows } = await sql.query<{ at: Date; ms: number }>(
        `select extract(epoch from firing.at) * 1000 as ms from firing
         join message on message.account_id = firing.account_id and message.id = firing.message_id
         where message.internet_message_id = $1`,
        [messageId],
      );
      if (rows[0]) return Number(rows[0].ms);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Wall clock in ms with fractions: the database's clock is the same machine's. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
