import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

test('repeats nothing of the rows that PostgreSQL names in its errors', () => {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line) => void lines.push(line) });
  const cause = Object.assign(new Error('null value violates not-null constraint'), {
    code: '23502',
    detail: 'Failing row contains (anna@customer.example, Dear Anna).',
  });
  log.error({ err: new Error('syncing failed', { cause }), connectionId: '1' }, 'it broke');
  expect(JSON.parse(lines[0]!)).toMatchObject({
    msg: 'it broke',
    connectionId: '1',
    err: { message: 'syncing failed', cause: { code: '23502', message: 'null value violates not-null constraint' } },
  });
  expect(lines[0]).not.toContain('anna');
});
