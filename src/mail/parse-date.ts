const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** RFC 5322, 4.3: the only names with a meaning; all others (military letters, "CEST") count as +0000. */
const zones: Record<string, number> = { edt: -4, est: -5, cdt: -5, cst: -6, mdt: -6, mst: -7, pdt: -7, pst: -8 };

const last = Date.UTC(9999, 11, 31, 23, 59, 59);

const time = String.raw`(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?:\.\d+)?`;
const zone = String.raw`\s*([+-]\d{2}:?\d{2}|[a-z]+)?`;
const internet = new RegExp(
  String.raw`^(?:[a-z]+\.?,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?,?[\s-]+(\d{2,4})\s+${time}${zone}`,
);
const asctime = new RegExp(
  String.raw`^(?:[a-z]+,?\s+)?([a-z]{3})[a-z]*\s+(\d{1,2})\s+${time}\s+(?:([a-z]+)\s+)?(\d{4})${zone}`,
);
const iso = new RegExp(String.raw`^(\d{4})-(\d{2})-(\d{2})[t\s]+${time}${zone}`);

/**
 * The instant of a Date field (RFC 5322 with its obsolete forms, asctime, ISO 8601); null when it can't be read. Never depends on the time zone
 * of this machine, as Date.parse does where the zone is missing: the instant is part of a message's identity.
 */
export function parseDate(value: string): Date | null {
  const text = value
    .slice(0, 200)
    .replace(/\([^()]*\)/g, ' ')
    .trim()
    .toLowerCase();
  let match = internet.exec(text);
  if (match) return instant(match[3], months.indexOf(match[2] ?? ''), match[1], match.slice(4, 7), match[7]);
  match = asctime.exec(text);
  if (match)
    return instant(match[7], months.indexOf(match[1] ?? ''), match[2], match.slice(3, 6), match[8] ?? match[6]);
  match = iso.exec(text);
  if (match) return instant(match[1], Number(match[2]) - 1, match[3], match.slice(4, 7), match[7]);
  return null;
}

function instant(
  yearText: string | undefined,
  month: number,
  dayText: string | undefined,
  clock: (string | undefined)[],
  zoneName: string | undefined,
): Date | null {
  const [hour = NaN, minute = NaN, second = 0] = clock.map((part) => (part === undefined ? undefined : Number(part)));
  const day = Number(dayText);
  if (month < 0 || month > 11 || day < 1 || day > 31 || !(hour <= 24 && minute <= 59 && second <= 60)) return null;
  const year = fullYear(yearText ?? '');
  // RFC 5322, 3.3; and Date.UTC would take the year 1 for 1901.
  if (year < 1900) return null;
  const at = Date.UTC(year, month, day, hour, minute - offset(zoneName), second);
  // A zone may lead out of the years that can be written in four digits.
  return at <= last ? new Date(at) : null;
}

function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return text.length === 3 ? 1900 + year : year;
}

/** Minutes east of UTC. */
function offset(name: string | undefined): number {
  if (name === undefined) return 0;
  const numeric = /^([+-])(\d{2}):?(\d{2})$/.exec(name);
  if (!numeric) return (zones[name] ?? 0) * 60;
  return (numeric[1] === '-' ? -1 : 1) * (Number(numeric[2]) * 60 + Number(numeric[3]));
}
