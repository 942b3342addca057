import { IconBolt } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { firingsQuery } from '../../api/maps.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { kindLabel } from '../../components/mail-kind.ts';
import { More } from '../../components/more.tsx';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { SortHeading } from '../../components/sort-heading.tsx';
import table from '../../components/table.module.css';

/** Who started the map, when, and with which mail. */
export function Firings({ mapId }: { mapId: string }) {
  const list = useInfiniteQuery(firingsQuery(mapId));
  const firings = list.data?.pages.flatMap(({ items }) => items) ?? [];
  if (list.isPending) return <LoadingRows rows={5} height={40} />;
  return (
    <>
      <Problem error={list.error} retry={() => void list.refetch()} />
      {list.isSuccess && firings.length === 0 && (
        <Empty icon={<IconBolt size={24} />} title="It hasn't fired yet">
          Once it is published, each email that a contact sends appears here with what it started.
        </Empty>
      )}
      {firings.length > 0 && (
        <div className={table['wrap']}>
          <table className={table['table']}>
            <caption hidden>Firings, newest first</caption>
            <thead>
              <tr>
                <SortHeading label="When" />
                <SortHeading label="Who" />
                <SortHeading label="Which email" />
              </tr>
            </thead>
            <tbody>
              {firings.map(({ at, contact, logItemId, kind, runId }) => (
                <tr key={runId}>
                  <td>
                    <RelativeTime at={at} />
                  </td>
                  <td>
                    {contact ? (
                      <Link
                        to="/contacts/$contactId"
                        params={{ contactId: contact.id }}
                        className={table['open']}
                        data-line
                      >
                        {contact.name}
                      </Link>
                    ) : (
                      <span className={table['dim']}>a deleted contact</span>
                    )}
                  </td>
                  <td>
                    {contact && logItemId ? (
                      <>
                        <Link to="/contacts/$contactId" params={{ contactId: contact.id }} search={{ item: logItemId }}>
                          Open the email
                        </Link>
                        {kind && kind !== 'personal' && <span className={table['dim']}> · {kindLabel({ kind })}</span>}
                      </>
                    ) : (
                      <span className={table['dim']}>gone, or not shared with you</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More
        hasMore={list.hasNextPage}
        loading={list.isFetchingNextPage}
        failed={list.isFetchNextPageError}
        onMore={list.fetchNextPage}
      />
    </>
  );
}
