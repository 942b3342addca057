import { publishAnswerMap } from '../test/fixtures/answer-map.ts';
import { mail } from '../test/fixtures/mail.ts';
import { random } from '../test/fixtures/random.ts';
import { connectMailbox } from '../test/servers/api-client.ts';
import { startCyrus } from '../test/servers/cyrus.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { firingOf, now } from './firing-of.ts';
import { startProduct } from './product.ts';
import { type Watcher, watchFolder } from './watcher.ts';

const contact = 'anna@customer.test';
const quiet = 60;
const steady = 40;
/** imapflow by itself goes back into IDLE 15 s after the last command: never, at this pace. */
const steadyMs = 1300;
const many = 200;
/** Of the many, those that get mail. */
const measured = 20;

/**
 * From the start of a delivery to the firing in the database, against the bare IDLE notification that another imapflow client gets of the same delivery: with one mailbox
 * connected and with 200, in quiet and under steady mail. On Cyrus: Dovecot delays its notifications by 500 ms.
 */
export async function* run(): AsyncIterable<Figure> {
  const users = Array.from({ length: many }, (_, index) => `rep${index}`);
  await using cyrus = await startCyrus(users);
  await using product = await startProduct({ LETTERLOG_TLS_CA: cyrus.caFile });
  const { api, sql } = product;
  await api.post('/contacts', { addresses: [contact] });
  await publishAnswerMap(api);
  const connect = (user: string) =>
    connectMailbox(
      api,
      { address: `${user}@cyrus.test`, user, password: 'secret', host: 'localhost', port: cyrus.ports.imaps },
      ['INBOX', 'Sent'],
    );
  const source = random(1);
  let number = 0;

  /** Delivers to these in turn, so many messages, each so long after the last. */
  async function measure(watchers: Watcher[], count: number, pauseMs: () => number) {
    const times: { ours: number; reference: number }[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      const watcher = watchers[turn % watchers.length] as Watcher;
      await new Promise((resolve) => setTimeout(resolve, pauseMs()));
      const messageId = `latency.${(number += 1)}@bench.example`;
      const announced = watcher.next();
      const begin = now();
      await cyrus.deliver(mail({ from: contact, to: `${watcher.user}@cyrus.test`, messageId }), watcher.user);
      const reference = (await announced) - begin;
      times.push({ ours: (await firingOf(sql, messageId)) - begin, reference });
    }
    return times;
  }
  const atIntervals = () => source.between(300, 700);
  const steadily = () => steadyMs;

  await connect(users[0] as string);
  const first = await watchFolder(cyrus, users[0] as string, 'INBOX');
  yield* figures('quiet mailbox on Cyrus', await measure([first], quiet, atIntervals));
  yield* figures('a message each 1.3 s, on Cyrus', await measure([first], steady, steadily));

  for (const user of users.slice(1)) await connect(user);
  const watchers = [first];
  for (const user of users.slice(1, measured)) watchers.push(await watchFolder(cyrus, user, 'INBOX'));
  yield* figures(`quiet, ${many} mailboxes on Cyrus`, await measure(watchers, quiet, atIntervals));
  yield* figures(`a message each 1.3 s, ${many} mailboxes on Cyrus`, await measure([first], steady, steadily));
  for (const watcher of watchers) await watcher.close();
}

function* figures(name: string, times: { ours: number; reference: number }[]): Iterable<Figure> {
  for (const [point, share, limit] of [
    ['p50', 0.5, 25],
    ['p95', 0.95, 100],
  ] as const) {
    const [ours, reference] = (['ours', 'reference'] as const).map((which) => times.map((time) => time[which]));
    yield figure(
      `delivery to firing, ${point}, ${name}`,
      { ours: quantile(ours!, share), reference: quantile(reference!, share), unit: 'ms' },
      `within ${limit} ms of the bare IDLE notification`,
      (_, difference) => difference <= limit,
    );
  }
}
