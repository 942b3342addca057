import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { mapQuery, mapsQuery, updateMap } from '../../api/maps.ts';
import type { AutomationMap, Graph } from '../../api/types.ts';

export type SaveState = 'saved' | 'saving' | { error: unknown };

/** The draft of a map as it is edited. It saves itself shortly after each change; `flush` does so at once. */
export function useDraft(map: AutomationMap) {
  const client = useQueryClient();
  const [graph, setGraph] = useState(map.graph);
  const [state, setState] = useState<SaveState>('saved');
  const waiting = useRef<Graph | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef<Promise<void>>(Promise.resolve());

  const flush = useCallback(async () => {
    clearTimeout(timer.current);
    // One after the other, so that an older draft never overtakes a newer one.
    last.current = last.current.then(async () => {
      const next = waiting.current;
      if (!next) return;
      waiting.current = null;
      try {
        const saved = await updateMap(map.id, { graph: next });
        client.setQueryData(mapQuery(map.id).queryKey, saved);
        void client.invalidateQueries({ queryKey: mapsQuery.queryKey });
        if (!waiting.current) setState('saved');
      } catch (error) {
        waiting.current ??= next;
        setState({ error });
        throw error;
      }
    });
    const run = last.current;
    last.current = run.catch(() => {});
    await run;
  }, [client, map.id]);

  const change = useCallback(
    (next: Graph) => {
      setGraph(next);
      setState('saving');
      waiting.current = next;
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void flush().catch(() => {}), 500);
    },
    [flush],
  );

  // What somebody else saved meanwhile, unless there are changes of one's own.
  useEffect(() => {
    if (!waiting.current && state === 'saved') setGraph(map.graph);
  }, [map.graph, state]);
  useEffect(() => () => void flush().catch(() => {}), [flush]);

  return { graph, change, flush, state };
}
