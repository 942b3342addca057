import { beginLooking, loadTrust, noteLearned } from '../connections/sender-check.ts';
import { learnAuthserv } from '../mail/verdict.ts';
import type { Sample } from '../mail/verdict.ts';
import type { Mailbox } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Hold } from './hold.ts';

/** As many of the inbox's newest messages are looked at. Nothing of them is kept. */
const mostSamples = 60;
const everyHours = 12;
const days = 86_400_000;

/**
 * Finds out under which name the mailbox's own server writes its verdicts, where neither its provider is known nor a person said so: from the heads of mail that the inbox
 * holds already, so that it is known before the first message is logged. Throws nothing but what the database throws: it can be tried again.
 */
export async function learnTrust(hold: Hold, mailbox: Mailbox): Promise<void> {
  if (hold.trust === null || hold.trust.authserv !== null) return;
  if (hold.knownAuthserv === null && !(await beginLooking(hold.db, hold, everyHours))) return;
  const found = hold.knownAuthserv ?? learnAuthserv(await samplesOf(hold, mailbox), hold.trust.hosts);
  if (found === null) return;
  await noteLearned(hold.db, hold, found);
  hold.trust = await loadTrust(hold.db, hold.accountId, hold.connectionId);
}

async function samplesOf(hold: Hold, mailbox: Mailbox): Promise<Sample[]> {
  const inbox = await hold.db
    .selectFrom('folder as f')
    .innerJoin('stream as s', (join) =>
      join.onRef('s.account_id', '=', 'f.account_id').onRef('s.id', '=', 'f.stream_id'),
    )
    .where('f.account_id', '=', hold.accountId)
    .where('f.connection_id', '=', hold.connectionId)
    .where('f.role', '=', 'inbox')
    .where('f.gone_at', 'is', null)
    .select(['f.ref', 'f.name', 'f.role', (eb) => eb.fn.coalesce('s.cursor', 's.start_cursor').as('cursor')])
    .executeTakeFirst();
  const samples: Sample[] = [];
  if (!inbox?.cursor) return samples;
  const range = { since: new Date(Date.now() - 90 * days), cursor: inbox.cursor, position: null };
  const { ref, name, role } = inbox;
  try {
    for await (const page of mailbox.past({ ref, name, role, selectable: true }, range)) {
      for (const { head, receivedAt } of page.listed) if (!('unreadable' in head)) samples.push({ head, receivedAt });
      if (samples.length >= mostSamples) break;
    }
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
  }
  return samples.slice(0, mostSamples);
}
