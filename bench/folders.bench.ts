import { ImapFlow } from 'imapflow';
import { publishAnswerMap } from '../test/fixtures/answer-map.ts';
import { mail } from '../test/fixtures/mail.ts';
import { random } from '../test/fixtures/random.ts';
import { connectMailbox } from '../test/servers/api-client.ts';
import { startCyrus } from '../test/servers/cyrus.ts';
import { startDovecot } from '../test/servers/dovecot.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { firingOf, now } from './firing-of.ts';
import { type Product, startProduct } from './product.ts';
import { watchFolder } from './watcher.ts';

const contact = 'anna@customer.test';
const address = 'rep@letterlog.test';
const folder = 'Clients';

interface Server {
  ports: { imaps: number };
  ca: string;
  caFile: string;
}

/**
 * The same as `latency` for a chosen folder other than the inbox: on Dovecot, which tells of it (NOTIFY), and on Cyrus, which has to be asked. The reference is another
 * client in IDLE on that very folder.
 */
export async function* run(): AsyncIterable<Figure> {
  {
    await using dovecot = await startDovecot();
    await dovecot.addUser(address);
    const times = await measure(dovecot, address, 40);
    yield* figures('another folder on Dovecot (NOTIFY)', times, [
      ['p50', 0.5, 1000],
      ['p95', 0.95, 1500],
    ]);
  }
  await using cyrus = await startCyrus(['rep']);
  const times = await measure(cyrus, 'rep', 12);
  yield* figures('another folder on Cyrus (asked)', times, [
    ['p50', 0.5, 15_000],
    ['p95', 0.95, 16_000],
  ]);
}

async function measure(server: Server, user: string, count: number) {
  await using product = await startProduct({ LETTERLOG_TLS_CA: server.caFile });
  const writer = await openWriter(server, user);
  await connect(product, server, user);
  const watcher = await watchFolder(server, user, folder);
  const source = random(1);
  const times: { ours: number; reference: number }[] = [];
  for (let number = 0; number < count; number += 1) {
    await new Promise((resolve) => setTimeout(resolve, source.between(300, 3000)));
    const messageId = `folders.${number}@bench.example`;
    const announced = watcher.next();
    const begin = now();
    await writer.append(folder, mail({ from: contact, to: address, messageId }));
    const reference = (await announced) - begin;
    times.push({ ours: (await firingOf(product.sql, messageId)) - begin, reference });
  }
  await Promise.all([watcher.close(), writer.logout()]);
  return times;
}

/** A client that files mail into a folder, as people and rules do. */
async function openWriter(server: Server, user: string): Promise<ImapFlow> {
  const writer = new ImapFlow({
    host: 'localhost',
    port: server.ports.imaps,
    secure: true,
    auth: { user, pass: 'secret' },
    tls: { ca: server.ca },
    logger: false,
  });
  await writer.connect();
  await writer.mailboxCreate(folder);
  return writer;
}

async function connect({ api }: Product, server: Server, user: string): Promise<void> {
  await api.post('/contacts', { addresses: [contact] });
  await publishAnswerMap(api);
  const mailbox = { address, user, password: 'secret', host: 'localhost', port: server.ports.imaps };
  await connectMailbox(api, mailbox, ['INBOX', folder]);
}

function* figures(
  name: string,
  times: { ours: number; reference: number }[],
  limits: [string, number, number][],
): Iterable<Figure> {
  for (const [point, share, limit] of limits) {
    const of = (which: 'ours' | 'reference') =>
      quantile(
        times.map((time) => time[which]),
        share,
      );
    yield figure(
      `filing to firing, ${point}, ${name}`,
      { ours: of('ours'), reference: of('reference'), unit: 'ms' },
      `within ${limit} ms of the bare IDLE notification`,
      (_, difference) => difference <= limit,
    );
  }
}
