import { Alert, Group, Skeleton, Tabs, Text } from '@mantine/core';
import { IconBolt, IconRoute } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useCallback, useState } from 'react';
import { mapQuery } from '../../api/maps.ts';
import { isNowhere } from '../../api/request.ts';
import type { AutomationMap, Element } from '../../api/types.ts';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { ToneBadge } from '../../components/tone.tsx';
import { usePhone } from '../../components/use-phone.ts';
import { NotFound } from '../../shell/fallbacks.tsx';
import classes from './editor.module.css';
import { ElementForm } from './element-form.tsx';
import { Firings } from './firings.tsx';
import { graphOf, inserted, lineOf, moved, newElement } from './line.ts';
import { MapActions, MapName } from './map-actions.tsx';
import { mapStates } from './map-states.ts';
import { problemsOf } from './publish-problems.ts';
import { StepActions, StepList } from './step-list.tsx';
import { useDraft } from './use-draft.ts';
import type { actionKinds } from './words.tsx';
import { kinds } from './words.tsx';

const Canvas = lazy(() => import('./canvas.tsx'));

export function AutomationPage() {
  const { mapId } = useParams({ from: '/shell/automations/$mapId' });
  const { data: map, error, isPending, refetch } = useQuery(mapQuery(mapId));
  if (isNowhere(error)) return <NotFound />;
  if (isPending || error) {
    return (
      <Page title="Automation" heading={<Skeleton height={32} width={280} />}>
        {error ? <Problem error={error} retry={() => void refetch()} /> : <LoadingRows rows={5} height={60} />}
      </Page>
    );
  }
  return <Editor key={map.id} map={map} />;
}

function Editor({ map }: { map: AutomationMap }) {
  const { tab = 'map' } = useSearch({ from: '/shell/automations/$mapId' });
  const navigate = useNavigate({ from: '/automations/$mapId' });
  const draft = useDraft(map);
  const [refusal, setRefusal] = useState<unknown>(null);
  const unpublished = map.publishedGraph !== null && JSON.stringify(map.publishedGraph) !== JSON.stringify(draft.graph);
  const { label, tone } = mapStates[map.state];
  return (
    <Page
      title={map.name}
      crumbs={[
        <Link key="list" to="/automations">
          Automations
        </Link>,
      ]}
      heading={<MapName map={map} />}
      actions={<MapActions map={map} flush={draft.flush} unpublished={unpublished} onRefused={setRefusal} />}
    >
      <Group gap="xs" mb="xs">
        <ToneBadge tone={tone}>{label}</ToneBadge>
        <Text size="xs" c="dimmed" aria-live="polite">
          {draft.state === 'saving' && 'Saving the draft …'}
          {draft.state === 'saved' &&
            (unpublished ? 'Draft saved. Contacts still go by the published version.' : 'Saved')}
        </Text>
      </Group>
      {typeof draft.state === 'object' && (
        <Problem error={draft.state.error} retry={() => void draft.flush().catch(() => {})} />
      )}
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(value) =>
          void navigate({ search: { tab: value === 'map' ? undefined : (value ?? undefined) }, replace: true })
        }
      >
        <Tabs.List mb="sm">
          <Tabs.Tab value="map" leftSection={<IconRoute size={16} />}>
            Map
          </Tabs.Tab>
          <Tabs.Tab value="firings" leftSection={<IconBolt size={16} />}>
            Firings
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="map">
          <MapTab map={map} draft={draft} refusal={refusal} />
        </Tabs.Panel>
        <Tabs.Panel value="firings">
          <Firings mapId={map.id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function MapTab({ map, draft, refusal }: { map: AutomationMap; draft: ReturnType<typeof useDraft>; refusal: unknown }) {
  const { graph, change } = draft;
  const line = lineOf(graph);
  const elements = line ?? graph.elements;
  const [selectedId, setSelectedId] = useState<string | null>(
    graph.elements.find(({ kind }) => kind === 'create_task')?.id ?? null,
  );
  const selected = elements.find(({ id }) => id === selectedId);
  const narrow = usePhone();
  const problems = problemsOf(refusal);
  const marks = new Map([...problems.byElement].map(([id, fields]) => [id, Object.values(fields)]));

  const insert = useCallback(
    (kind: (typeof actionKinds)[number], after: string | null) => {
      const current = lineOf(graph);
      if (!current) return;
      const element = newElement(kind);
      const at = after === null ? current.length : current.findIndex(({ id }) => id === after) + 1;
      change(graphOf(inserted(current, element, at)));
      setSelectedId(element.id);
    },
    [graph, change],
  );
  const replace = (element: Element) =>
    change({ ...graph, elements: graph.elements.map((one) => (one.id === element.id ? element : one)) });
  const remove = (element: Element) => {
    if (!line) return;
    change(graphOf(line.filter(({ id }) => id !== element.id)));
    setSelectedId(null);
    say(`“${kinds[element.kind].name}” was removed.`, () => change(graph));
  };
  return (
    <>
      {problems.rest && <Problem error={problems.rest} />}
      {!line && (
        <Alert color="yellow" variant="light" mb="sm" py="xs">
          This map isn't a straight line: it was made through the API. Its elements' settings can be changed here, its
          arrows can't.
        </Alert>
      )}
      <div className={classes['editor']}>
        {!narrow && (
          <Suspense fallback={<div className={classes['canvas']} />}>
            <Canvas
              graph={graph}
              elements={elements}
              editable={line !== null}
              selectedId={selectedId}
              counts={map.counts}
              problems={marks}
              onSelect={setSelectedId}
              onInsert={insert}
            />
          </Suspense>
        )}
        <div className={classes['panel']}>
          {line && (
            <StepActions
              line={line}
              selected={selected}
              onAdd={(kind) => insert(kind, selected && selected.kind !== 'end' ? selected.id : null)}
              onMove={(by) => selected && change(graphOf(moved(line, selected.id, by)))}
              onRemove={() => selected && remove(selected)}
            />
          )}
          <StepList
            elements={elements}
            selectedId={selectedId}
            counts={map.counts}
            problems={marks}
            onSelect={(id) => setSelectedId(id === selectedId ? null : id)}
            form={(element) => (
              <ElementForm element={element} errors={problems.byElement.get(element.id) ?? {}} onChange={replace} />
            )}
          />
        </div>
      </div>
    </>
  );
}
