import { Skeleton, Stack, VisuallyHidden } from '@mantine/core';

/** Grey lines in the place of rows that are on their way. */
export function LoadingRows({ rows = 8, height = 40 }: { rows?: number; height?: number }) {
  return (
    <Stack gap={8} role="status">
      <VisuallyHidden>Loading</VisuallyHidden>
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={height} radius="sm" aria-hidden />
      ))}
    </Stack>
  );
}
