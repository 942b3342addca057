import { Button, Paper, Text, Title } from '@mantine/core';
import { IconMailOff } from '@tabler/icons-react';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { exclusionsQuery, removeExclusion, restoreExclusion } from '../../api/exclusions.ts';
import { useMe } from '../../api/session.ts';
import type { Exclusion, ExclusionScope } from '../../api/types.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { More } from '../../components/more.tsx';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { say, sayProblem } from '../../components/toast.tsx';
import { count } from '../../time.ts';
import classes from './exclusions.module.css';

const kinds = { address: 'Address', domain: 'Domain', own_domain: 'Own domain' } as const;

export function ExclusionList(props: { scope: ExclusionScope; mayRemove: boolean; title: string }) {
  const { scope, mayRemove, title } = props;
  const { data, error, isPending, refetch, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } =
    useInfiniteQuery(exclusionsQuery(scope));
  const exclusions = data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <section aria-label={title}>
      <Title order={2} mb={6}>
        {title}
      </Title>
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <LoadingRows rows={2} height={48} />}
      {data && exclusions.length === 0 && <NothingExcluded scope={scope} mayAdd={mayRemove} />}
      {exclusions.length > 0 && (
        <Paper component="ul" withBorder radius="md" className={classes['list']} aria-label={title}>
          {exclusions.map((exclusion) => (
            <Line key={exclusion.id} exclusion={exclusion} mayRemove={mayRemove} />
          ))}
        </Paper>
      )}
      <More
        hasMore={hasNextPage}
        loading={isFetchingNextPage}
        failed={isFetchNextPageError}
        onMore={() => void fetchNextPage()}
      />
    </section>
  );
}

function Line({ exclusion, mayRemove }: { exclusion: Exclusion; mayRemove: boolean }) {
  const me = useMe();
  const client = useQueryClient();
  const { id, name, kind, addedBy, addedAt } = exclusion;
  const refresh = () => {
    void client.invalidateQueries({ queryKey: ['exclusions'] });
    void client.invalidateQueries({ queryKey: ['contacts'] });
  };
  const undo = () => void restoreExclusion(id).then(refresh, sayProblem);
  const remove = async () => {
    try {
      const { due, logged } = await removeExclusion(id);
      const back = due + logged;
      const rest = back === 0 ? '' : ` ${count(back, 'email')} that it kept out ${back === 1 ? 'comes' : 'come'} back.`;
      say(`${name} is not excluded any more.${rest}`, undo);
    } catch (error) {
      sayProblem(error);
    }
    refresh();
  };
  return (
    <li className={classes['line']}>
      <div className={classes['what']}>
        <Text size="sm" fw={550} style={{ overflowWrap: 'anywhere' }}>
          {name}
        </Text>
        <div className={classes['how']}>
          {kinds[kind]} · added {addedBy && `by ${addedBy.id === me.user.id ? 'you' : addedBy.name} `}
          <RelativeTime at={addedAt} />
        </div>
      </div>
      {mayRemove && (
        <Button variant="default" style={{ flex: 'none' }} aria-label={`Remove ${name}`} onClick={() => void remove()}>
          Remove
        </Button>
      )}
    </li>
  );
}

function NothingExcluded({ scope, mayAdd }: { scope: ExclusionScope; mayAdd: boolean }) {
  if (!mayAdd) {
    return (
      <Text size="sm" c="dimmed">
        Nothing is excluded for everybody.
      </Text>
    );
  }
  return (
    <Paper withBorder radius="md">
      <Empty icon={<IconMailOff size={24} />} title="Nothing is excluded">
        {scope === 'account'
          ? 'Mail with every contact is logged. Exclude whom it shouldn’t be: your lawyer, a bank, a candidate for a job.'
          : 'Mail with every contact is logged from your mailboxes. Exclude people who are contacts here, but whose mail with you is nobody else’s business.'}
      </Empty>
    </Paper>
  );
}
