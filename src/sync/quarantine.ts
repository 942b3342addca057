const minute = 60;
const hour = 60 * minute;
/** Then once a day. */
const pauses = [minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour];

/** Seconds until a quarantined message's next try, after so many (one at least). */
export function pauseAfter(tries: number): number {
  return pauses[tries - 1] ?? 24 * hour;
}
