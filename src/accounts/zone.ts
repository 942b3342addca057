import { AppError } from '../errors.ts';

/** Whether it is an IANA time zone that this machine knows. */
export function isZone(name: string): boolean {
  // Offsets such as "+02:00" are accepted by Intl but know no summer time.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Throws AppError 'invalid' for what is no IANA zone. */
export function requireZone(name: string): void {
  if (isZone(name)) return;
  throw new AppError('invalid', 'zone: Use the name of a time zone such as Europe/Berlin.', {
    details: [{ path: 'zone', message: 'is not a known time zone' }],
  });
}
