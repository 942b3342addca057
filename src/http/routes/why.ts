import { createRoute, z } from '@hono/zod-openapi';
import { text } from '../../automations/text.ts';
import { whyFired } from '../../automations/why-fired.ts';
import type { Db } from '../../db/open.ts';
import { whyMessage } from '../../log/why.ts';
import { presentWhy, whySchema } from '../presenters/why.ts';
import { responses, router } from '../router.ts';

const why = createRoute({
  method: 'get',
  path: '/why',
  tags: ['Contact Log'],
  summary: "Why is the message with this Message-ID in the log, or why isn't it?",
  request: {
    query: z.object({
      messageId: text(1000)
        .refine((value) => /[^<>\s]/.test(value), "Enter the Message-ID, as the mail program's “show source” has it.")
        .openapi({ description: 'With or without angle brackets' }),
    }),
  },
  responses: responses(200, 'The answer', whySchema),
});

/** /why */
export function whyRoutes({
  db,
  hashKey,
}: {
  db: Db;
  /** The account's key for keyed hashes (accounts/account-key.ts). */
  hashKey(db: Db, accountId: string): Promise<Buffer>;
}) {
  return router().openapi(why, async (c) => {
    const viewer = c.get('viewer');
    const key = await hashKey(db, viewer.accountId);
    const answer = await whyMessage(db, key, viewer, c.req.valid('query').messageId);
    const itemIds = [...new Set(answer.sightings.flatMap((sighting) => sighting.logItemIds))];
    return c.json(presentWhy(answer, await whyFired(db, viewer, itemIds)), 200);
  });
}
