/** Seconds that the work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** The middle one of the pairs by their ratio: what a busy machine does to one round doesn't count. */
export function middle<T extends { ours: number; reference: number }>(pairs: T[]): T {
  const sorted = [...pairs].sort((a, b) => a.ours / a.reference - b.ours / b.reference);
  return sorted[sorted.length >> 1] as T;
}
