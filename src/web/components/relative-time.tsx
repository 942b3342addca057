import { useSyncExternalStore } from 'react';
import { useMe } from '../api/session.ts';
import { exactTime, relativeTime } from '../time.ts';

let now = Date.now();
const listeners = new Set<() => void>();
setInterval(() => {
  now = Date.now();
  for (const listener of listeners) listener();
}, 30_000);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The present, renewed twice a minute: what shows how long ago something was stays right. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** A time as people say it; the exact one, in the viewer's zone, on hover. */
export function RelativeTime({ at, className }: { at: string; className?: string }) {
  const { zone } = useMe();
  // An item may be newer than the last tick.
  const present = Math.max(useNow(), Date.parse(at) <= Date.now() ? Date.parse(at) : 0);
  return (
    <time dateTime={at} title={exactTime(at, zone)} className={className}>
      {relativeTime(at, zone, present)}
    </time>
  );
}
