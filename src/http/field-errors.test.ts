import { createRoute, z } from '@hono/zod-openapi';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { nameField, jsonBody } from './body.ts';
import { answerError } from './errors.ts';
import { responses, router } from './router.ts';

const schema = z.object({
  id: z.uuid().optional(),
  at: z.iso.datetime().optional(),
  port: z.int().min(1).max(65_535).optional(),
  score: z.number().min(-1_000_000).max(1_000_000).int().optional(),
  host: z.string().min(1).max(10).optional(),
  folders: z.array(z.string()).min(1).max(2).optional(),
  sharing: z.enum(['everything', 'private']).optional(),
  paused: z.boolean().optional(),
  name: nameField().optional(),
  what: z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.string() })]).optional(),
});
const app = router().openapi(
  createRoute({
    method: 'post',
    path: '/',
    request: { body: jsonBody(schema) },
    responses: responses(200, 'Done', z.object({})),
  }),
  (c) => c.json({}, 200),
);
app.onError(answerError(pino({ level: 'silent' })));

test.each([
  [{ id: 'x' }, 'id is no id.'],
  [{ at: 'yesterday' }, 'at is no time, as in 2026-11-26T14:30:00Z.'],
  [{ port: 70_000 }, 'port is more than 65535.'],
  [{ score: 1_000_001 }, 'score is more than 1,000,000.'],
  [{ score: -1e20 }, 'score is less than -1,000,000.'],
  [{ port: 0 }, 'port is less than 1.'],
  [{ port: 1.5 }, 'port must be a whole number.'],
  [{ port: '993' }, 'port must be a number.'],
  [{ host: 'x'.repeat(11) }, 'host is longer than 10 characters.'],
  [{ host: '' }, 'host is empty.'],
  [{ host: null }, 'host must be a text.'],
  [{ folders: [] }, 'folders is empty.'],
  [{ folders: ['a', 'b', 'c'] }, 'folders has more than 2 entries.'],
  [{ folders: [1] }, 'folders.0 must be a text.'],
  [{ sharing: 'all' }, 'sharing must be one of everything, private.'],
  [{ paused: 'yes' }, 'paused must be true or false.'],
  [{ name: '\u202e \u200b' }, 'name: Enter a name.'],
  [{ name: 'a\r\nBcc: x' }, 'name: Must be one line, without control characters.'],
  [{ name: 'a\ud800' }, 'name: Must be one line, without control characters.'],
  [{ what: { c: 1 } }, 'what is not as the API reference describes it.'],
  [[], 'The request must be an object.'],
])('%j is answered with "%s"', async (body, detail) => {
  const answer = await app.request('/', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'invalid', detail });
});
