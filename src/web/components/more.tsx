import { Button, Center, Loader } from '@mantine/core';
import { useEffect, useRef } from 'react';

/** Asks for the next page when the end of the list comes near; also a button, for keyboards and where the observer doesn't see it. */
export function More(props: { hasMore: boolean; loading: boolean; failed: boolean; onMore: () => void }) {
  const { hasMore, loading, failed, onMore } = props;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = end.current;
    if (!place || !hasMore || loading || failed) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onMore(), { rootMargin: '400px' });
    observer.observe(place);
    return () => observer.disconnect();
  }, [hasMore, loading, failed, onMore]);
  if (!hasMore) return null;
  return (
    <Center ref={end} py="md">
      {loading ? (
        <Loader size="sm" aria-label="Loading more" />
      ) : (
        <Button variant="default" onClick={onMore}>
          {failed ? "More couldn't be loaded. Try again" : 'Show more'}
        </Button>
      )}
    </Center>
  );
}
