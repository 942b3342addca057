import type { Blobs } from '../blobs/blobs.ts';
import type { Parser } from '../mail/parse-message.ts';

export interface HtmlDeps {
  blobs: Pick<Blobs, 'open'>;
  parser: Pick<Parser, 'parse'>;
}

/**
 * A message's HTML, read out of its raw form (`raw`: key of the blob); null where it has none. Readers (`owner`) wait in turn with the mailboxes that are synced. A raw
 * message that is gone or can't be parsed any more is a defect, in a sentence for people: the rest of the message is shown all the same.
 */
export async function htmlOf(
  { blobs, parser }: HtmlDeps,
  message: { accountId: string; raw: string | null; owner: string },
): Promise<{ html: string | null; defects: string[] }> {
  if (message.raw === null) return { html: null, defects: [] };
  try {
    const { html } = await parser.parse(await blobs.open(message.accountId, message.raw), message.owner);
    return { html, defects: [] };
  } catch {
    return { html: null, defects: ['Its HTML can not be read now. This is its text.'] };
  }
}
