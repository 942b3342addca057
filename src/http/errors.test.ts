import { Hono } from 'hono';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { answerError } from './errors.ts';

test.each(['40P01', '40001', '55P03'])('who loses a race in the database (%s) is told to try again', async (code) => {
  const app = new Hono();
  app.onError(answerError(pino({ level: 'silent' })));
  app.get('/', () => {
    throw Object.assign(new Error('deadlock detected'), { code });
  });
  const answer = await app.request('/');
  expect(answer.status).toBe(409);
  expect(await answer.json()).toMatchObject({ code: 'conflict' });
});

test.each(['22007', '22009'])(
  'a time that only the database finds wrong (%s) is the caller’s mistake',
  async (code) => {
    const app = new Hono();
    app.onError(answerError(pino({ level: 'silent' })));
    app.get('/', () => {
      throw Object.assign(new Error('time zone displacement out of range'), { code });
    });
    expect((await app.request('/')).status).toBe(400);
  },
);
