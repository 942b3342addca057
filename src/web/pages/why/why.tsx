import { Button, Group, TextInput } from '@mantine/core';
import { IconHelpCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { whyQuery } from '../../api/log.ts';
import { mayAdminister, useMe } from '../../api/session.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { WhyAnswer } from '../../components/why-answer.tsx';
import { searchBox } from '../../shell/shortcuts.ts';

/** For any Message-ID: where it was seen, what was decided, by which rule, when. */
export function WhyPage() {
  const me = useMe();
  const { messageId } = useSearch({ from: '/shell/administration/email/why' });
  const navigate = useNavigate({ from: '/administration/email/why' });
  const [typed, setTyped] = useState(messageId ?? '');
  useEffect(() => setTyped(messageId ?? ''), [messageId]);
  const why = useQuery({ ...whyQuery(messageId ?? ''), enabled: messageId !== undefined });
  return (
    <Page
      title="Why?"
      crumbs={mayAdminister(me) ? ['Administration', 'Email'] : ['Email']}
      intro="Why is an email in a Contact Log, or why isn't it? Every mail that a synced folder ever listed has exactly one decision, and here it is."
      narrow
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = typed.trim();
          void navigate({ search: { messageId: wanted || undefined } });
          if (wanted === messageId) void why.refetch();
        }}
      >
        <Group align="flex-end" gap="xs" mb="md" wrap="nowrap">
          <TextInput
            style={{ flex: 1 }}
            label="Message-ID"
            description="Your mail program shows it under “show source” or “show original”. Angle brackets may stay."
            placeholder="<20261123.abc@mail.example.com>"
            spellCheck={false}
            required
            withAsterisk={false}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            {...searchBox}
          />
          <Button type="submit" size="sm" loading={why.isFetching}>
            Ask
          </Button>
        </Group>
      </form>
      {messageId === undefined && (
        <Empty icon={<IconHelpCircle size={24} />} title="Ask about any email">
          {mayAdminister(me)
            ? "You see your own mailboxes in full, and of others' the folder, time, rule and decision."
            : 'You see the mailboxes that you connected.'}{' '}
          In a Contact Log every email also has “Why is this here?”.
        </Empty>
      )}
      {messageId !== undefined && why.isPending && <LoadingRows rows={3} height={60} />}
      <Problem error={why.error} />
      {why.data && <WhyAnswer why={why.data} />}
    </Page>
  );
}
