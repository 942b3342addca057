import { type ApiClient, apiClient, connectMailbox, setUp } from '../servers/api-client.ts';
import { type App, startApp } from '../servers/app.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';

/** Two colleagues in one account, each with a mailbox on a real Dovecot, and the product running beside it. */
export interface Office extends AsyncDisposable {
  app: App;
  dovecot: Dovecot;
  /** The owner's and the colleague's clients. */
  olivia: ApiClient;
  max: ApiClient;
  /** Of the owner's session. */
  cookie: string;
  ids: { olivia: string; max: string };
  /** Connects a colleague's mailbox. */
  connect(
    who: 'olivia' | 'max',
    options?: { sharing?: 'everything' | 'private'; folders?: string[] },
  ): Promise<{ id: string; folders: { id: string; name: string; ref: string; chosen: boolean }[] }>;
}

export const mailboxOf = { olivia: 'olivia@letterlog.test', max: 'max@letterlog.test' } as const;
export const passwordOf = 'correct horse battery';

export async function openOffice(env: Record<string, string> = {}): Promise<Office> {
  const dovecot = await startDovecot();
  await Promise.all(Object.values(mailboxOf).map((user) => dovecot.addUser(user)));
  const app = await startApp({ env: { LETTERLOG_TLS_CA: dovecot.caFile, LETTERLOG_SWEEP_SECONDS: '5', ...env } });
  const { api: olivia, cookie } = await setUp(app.url, app.setupToken as string, {
    name: 'Olivia Owner',
    email: mailboxOf.olivia,
    password: passwordOf,
  });
  const invitation = await olivia.post('/invitations', { email: mailboxOf.max, role: 'member' });
  const token = (invitation.link as string).split('/').at(-1) as string;
  const accepted = await fetch(`${app.url}/api/v1/invitations/by-token/${token}/accept`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: app.url },
    body: JSON.stringify({ name: 'Max Member', password: passwordOf }),
  });
  if (!accepted.ok) throw new Error(`invitation: ${accepted.status} ${await accepted.text()}`);
  const maxCookie = accepted.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const { key } = await apiClient(app.url, { cookie: maxCookie }).post<{ key: string }>('/api-keys', { name: 'test' });
  const max = apiClient(app.url, { key });
  const [oliviaId, maxId] = await Promise.all([olivia, max].map(async (api) => (await api.get('/me')).user.id));
  return {
    app,
    dovecot,
    olivia,
    max,
    cookie,
    ids: { olivia: oliviaId, max: maxId },
    connect: (who, options = {}) =>
      connectMailbox(
        who === 'olivia' ? olivia : max,
        {
          address: mailboxOf[who],
          password: 'secret',
          host: 'localhost',
          port: dovecot.ports.imaps,
          sharing: options.sharing ?? 'everything',
        },
        options.folders ?? ['INBOX', 'Sent', 'Archive'],
      ),
    [Symbol.asyncDispose]: async () => {
      await app[Symbol.asyncDispose]();
      await dovecot[Symbol.asyncDispose]();
    },
  };
}
