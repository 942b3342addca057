import { pino } from 'pino';
import type { DestinationStream, Level, Logger } from 'pino';

/** The process's log, to standard error unless told otherwise. Of errors it says what loggable() says. */
export function createLogger(
  level: Level | 'silent',
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino({ level, serializers: { err: loggable } }, destination);
}

/** Name, message, stack and code, through all causes. Other properties of errors may hold what must not be in a log: PostgreSQL's `detail` repeats whole rows. */
export function loggable(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(typeof code === 'string' ? { code } : {}),
    ...(cause === undefined || depth > 4 ? {} : { cause: loggable(cause, depth + 1) }),
  };
}
