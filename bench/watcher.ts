import { ImapFlow } from 'imapflow';
import { now } from './firing-of.ts';

/** Another client that waits in IDLE on a folder. */
export interface Watcher {
  user: string;
  /** When the next message is announced. */
  next(): Promise<number>;
  close(): Promise<void>;
}

export async function watchFolder(
  server: { ports: { imaps: number }; ca: string },
  user: string,
  folder: string,
): Promise<Watcher> {
  const client = new ImapFlow({
    host: 'localhost',
    port: server.ports.imaps,
    secure: true,
    auth: { user, pass: 'secret' },
    tls: { ca: server.ca },
    logger: false,
    disableCompression: true,
  });
  await client.connect();
  await client.mailboxOpen(folder, { readOnly: true });
  let notified: (at: number) => void = () => undefined;
  client.on('exists', () => notified(now()));
  void client.idle();
  return {
    user,
    next: () => new Promise((resolve) => (notified = resolve)),
    close: () => client.logout(),
  };
}
