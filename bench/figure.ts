/** One figure of a bench: ours beside a reference measured in the same run on the same machine. */
export interface Figure {
  bench: string;
  ours: number;
  reference: number;
  unit: string;
  ratio: number;
  goal: string;
  holds: boolean;
}

/** `goal` is said in words and checked by `holds`. */
export function figure(
  bench: string,
  measured: { ours: number; reference: number; unit: string },
  goal: string,
  holds: (ratio: number, difference: number) => boolean,
): Figure {
  const round = (value: number) => Number(value.toPrecision(4));
  const ratio = measured.ours / measured.reference;
  return {
    bench,
    ours: round(measured.ours),
    reference: round(measured.reference),
    unit: measured.unit,
    ratio: round(ratio),
    goal,
    holds: holds(ratio, measured.ours - measured.reference),
  };
}

/** The value below which so much (0 to 1) of the sample lies. */
export function quantile(sample: number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}
