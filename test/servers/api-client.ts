/** A client of the product's API as any developer would write one: JSON in, JSON out, errors with the server's own words. */
export interface ApiClient {
  get<T = any>(path: string): Promise<T>;
  post<T = any>(path: string, body?: unknown): Promise<T>;
  put<T = any>(path: string, body: unknown): Promise<T>;
  patch<T = any>(path: string, body: unknown): Promise<T>;
  delete<T = any>(path: string): Promise<T>;
}

/** By API key, or by the session cookie of `signIn`. */
export function apiClient(baseUrl: string, auth: { key: string } | { cookie: string }): ApiClient {
  const headers: Record<string, string> =
    'key' in auth ? { authorization: `Bearer ${auth.key}` } : { cookie: auth.cookie, origin: baseUrl };
  const call =
    (method: string) =>
    async (path: string, body?: unknown): Promise<any> => {
      const answer = await fetch(`${baseUrl}/api/v1${path}`, {
        method,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    };
  return { get: call('GET'), post: call('POST'), put: call('PUT'), patch: call('PATCH'), delete: call('DELETE') };
}

/** Sets up a new installation by the link that it printed, as its owner would; returns a client with an API key. */
export async function setUp(
  baseUrl: string,
  token: string,
  owner = { name: 'Olivia Owner', email: 'olivia@letterlog.test', password: 'correct horse battery' },
): Promise<{ api: ApiClient; key: string; cookie: string }> {
  const answer = await fetch(`${baseUrl}/api/v1/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: baseUrl },
    body: JSON.stringify({ token, accountName: 'Test account', zone: 'Europe/Berlin', ...owner }),
  });
  if (!answer.ok) throw new Error(`set-up: ${answer.status} ${await answer.text()}`);
  const cookie = answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const { key } = await apiClient(baseUrl, { cookie }).post<{ key: string }>('/api-keys', { name: 'test' });
  return { api: apiClient(baseUrl, { key }), key, cookie };
}

/** Connects an IMAP mailbox and ticks the named folders (all selectable ones when none are named). */
export async function connectMailbox(
  api: ApiClient,
  mailbox: {
    address: string;
    password: string;
    host: string;
    port: number;
    user?: string;
    security?: string;
    sharing?: string;
  },
  folders?: string[],
): Promise<{ id: string; folders: { id: string; name: string; ref: string; chosen: boolean }[] }> {
  const connection = await api.post('/connections', {
    address: mailbox.address,
    provider: 'imap',
    settings: {
      host: mailbox.host,
      port: mailbox.port,
      security: mailbox.security ?? 'tls',
      user: mailbox.user ?? mailbox.address,
    },
    password: mailbox.password,
    sharing: mailbox.sharing ?? 'everything',
  });
  const chosen = connection.folders.filter((folder: { ref: string; selectable: boolean }) =>
    folders ? folders.includes(folder.ref) : folder.selectable,
  );
  return api.put(`/connections/${connection.id}/folders`, {
    folderIds: chosen.map((folder: { id: string }) => folder.id),
  });
}
