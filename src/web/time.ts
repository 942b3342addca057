/** Words are English, so dates are too; an English browser keeps its own order of day and month. */
const locale = navigator.language.startsWith('en') ? navigator.language : 'en-GB';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${zone} ${key}`;
  let found = formats.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat(locale, { ...options, timeZone: isZone(zone) ? zone : 'UTC' });
    formats.set(name, found);
  }
  return found;
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone !== '';
  } catch {
    return false;
  }
}

/** The exact time with its zone: "Mon 23 Nov 2026, 14:05:09 CET". */
export function exactTime(iso: string, zone: string): string {
  return format(zone, 'exact', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  }).format(new Date(iso));
}

export function dateAndTime(iso: string, zone: string): string {
  return format(zone, 'both', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  }).format(new Date(iso));
}

export function dateOnly(iso: string, zone: string): string {
  return format(zone, 'date', { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(iso));
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How long ago, or how far ahead; from a week on the date. */
export function relativeTime(iso: string, zone: string, now: number): string {
  const away = Date.parse(iso) - now;
  const size = Math.abs(away);
  if (size < 45_000) return away > 0 ? 'in a moment' : 'just now';
  if (size < hour) return relative.format(Math.round(away / minute), 'minute');
  if (size < 22 * hour) return relative.format(Math.round(away / hour), 'hour');
  const days = dayNumber(iso, zone) - dayNumber(new Date(now).toISOString(), zone);
  if (Math.abs(days) < 7) return relative.format(days, 'day');
  return dateOnly(iso, zone);
}

/** Counts local days, so that two times can be compared by the calendar. */
export function dayNumber(iso: string, zone: string): number {
  const [date] = wallTime(iso, zone).split('T');
  return Math.round(Date.parse(`${date}T00:00:00Z`) / day);
}

/** The local time in a zone as inputs of type datetime-local take it: "2026-11-23T14:05". */
export function wallTime(iso: string, zone: string): string {
  const parts = new Map(
    new Intl.DateTimeFormat('en-CA', {
      timeZone: isZone(zone) ? zone : 'UTC',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
      .formatToParts(new Date(iso))
      .map(({ type, value }) => [type, value]),
  );
  return `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}T${parts.get('hour')}:${parts.get('minute')}`;
}

/** The instant of a local time in a zone. A time that the clock skips in spring becomes the one an hour later. */
export function instantOf(wall: string, zone: string): string {
  const guess = Date.parse(`${wall}:00Z`);
  const offsetAt = (instant: number) => Date.parse(`${wallTime(new Date(instant).toISOString(), zone)}:00Z`) - instant;
  const first = guess - offsetAt(guess);
  return new Date(guess - offsetAt(first)).toISOString();
}

export const allZones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];

export const browserZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** "1 contact", "3 contacts", "1,204 contacts". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** "a minute", "40 minutes", "3 hours", "2 days": as exact as a guess of time left is. */
export function duration(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (minutes <= 1) return 'a minute';
  if (minutes < 90) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}

/** "812 B", "4.2 MB". */
export function fileSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}
