import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback, useDisclosure } from '@mantine/hooks';
import { IconPlus, IconSearch, IconUsers } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { membersQuery } from '../../api/account.ts';
import { contactsQuery } from '../../api/contacts.ts';
import { segmentsQuery, stagesQuery, tagsQuery } from '../../api/labels.ts';
import type { ContactQuery, Named } from '../../api/types.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { More } from '../../components/more.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { newButton, searchBox } from '../../shell/shortcuts.ts';
import { AddContact } from './add-contact.tsx';
import { ContactList } from './contact-list.tsx';
import classes from './contacts.module.css';

interface Search {
  q?: string;
  sort?: string;
  owner?: string;
  stage?: string;
  tag?: string;
  segment?: string;
}

export function ContactsPage() {
  const search = useSearch({ from: '/shell/contacts' });
  const navigate = useNavigate({ from: '/contacts' });
  const change = (changes: Search) => void navigate({ search: (before) => ({ ...before, ...changes }), replace: true });
  const [adding, { open, close }] = useDisclosure(false);

  const { q, sort = 'name', owner, stage, tag, segment } = search;
  const list = useInfiniteQuery(
    contactsQuery({
      q,
      sort: sort as ContactQuery['sort'],
      ownerId: owner,
      stageId: stage,
      tagId: tag,
      segmentId: segment,
    }),
  );
  const contacts = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const filtered = Boolean(q ?? owner ?? stage ?? tag ?? segment);
  const none = list.isSuccess && contacts.length === 0 && !filtered;

  return (
    <Page
      title="Contacts"
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={open} {...newButton}>
          Add contact
        </Button>
      }
    >
      {!none && <Filters search={search} onChange={change} filtered={filtered} />}
      <Problem error={list.error} retry={() => void list.refetch()} />
      {list.isPending && <LoadingRows rows={10} height={42} />}
      {list.isSuccess &&
        contacts.length === 0 &&
        (filtered ? <NoneFound onClear={() => change(nothing)} /> : <NoneYet onAdd={open} />)}
      {contacts.length > 0 && (
        <div style={{ opacity: list.isPlaceholderData ? 0.6 : 1 }}>
          <ContactList contacts={contacts} sort={sort} onSort={(next) => change({ sort: next })} />
          <More
            hasMore={list.hasNextPage}
            loading={list.isFetchingNextPage}
            failed={list.isFetchNextPageError}
            onMore={list.fetchNextPage}
          />
        </div>
      )}
      <AddContact opened={adding} onClose={close} />
    </Page>
  );
}

const nothing: Search = { q: undefined, owner: undefined, stage: undefined, tag: undefined, segment: undefined };

function Filters({
  search,
  onChange,
  filtered,
}: {
  search: Search;
  onChange: (changes: Search) => void;
  filtered: boolean;
}) {
  const { data: members = [] } = useQuery(membersQuery);
  const { data: stages = [] } = useQuery(stagesQuery);
  const { data: tags = [] } = useQuery(tagsQuery);
  const { data: segments = [] } = useQuery(segmentsQuery);
  const [typed, setTyped] = useState(search.q ?? '');
  const ask = useDebouncedCallback((q: string) => onChange({ q: q || undefined }), 200);
  // The address bar may change by Back or by clearing the filters.
  useEffect(() => setTyped(search.q ?? ''), [search.q]);

  const filter = (field: 'owner' | 'stage' | 'tag' | 'segment', label: string, choices: Named[]) => (
    <Select
      className={classes['filter']}
      aria-label={label}
      placeholder={label}
      clearable
      searchable
      comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
      clearButtonProps={{ 'aria-label': `Any ${label.toLowerCase()}` }}
      nothingFoundMessage="Nothing found"
      data={choices.map(({ id, name }) => ({ value: id, label: name }))}
      value={search[field] ?? null}
      onChange={(value) => onChange({ [field]: value ?? undefined })}
    />
  );
  return (
    <search className={classes['bar']}>
      <TextInput
        className={classes['search']}
        type="search"
        aria-label="Search contacts"
        placeholder="Search names, companies, addresses"
        leftSection={<IconSearch size={16} aria-hidden />}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          ask(event.currentTarget.value.trim());
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          setTyped('');
          onChange({ q: undefined });
          event.currentTarget.blur();
        }}
        {...searchBox}
      />
      {filter('owner', 'Owner', [
        { id: 'none', name: 'Nobody' },
        ...members.map(({ userId, name }) => ({ id: userId, name })),
      ])}
      {filter('stage', 'Stage', stages)}
      {filter('tag', 'Tag', tags)}
      {filter('segment', 'Segment', segments)}
      {filtered && (
        <Button className={classes['clear']} variant="subtle" onClick={() => onChange(nothing)}>
          Clear
        </Button>
      )}
    </search>
  );
}

function NoneFound({ onClear }: { onClear: () => void }) {
  return (
    <Empty
      icon={<IconSearch size={24} />}
      title="No contact fits"
      action={
        <Button variant="default" onClick={onClear}>
          Clear the filters
        </Button>
      }
    >
      Every word must be in a name, a company or an address, and all filters must hold.
    </Empty>
  );
}

function NoneYet({ onAdd }: { onAdd: () => void }) {
  return (
    <Empty
      icon={<IconUsers size={24} />}
      title="No contacts yet"
      action={<Button onClick={onAdd}>Add a contact</Button>}
    >
      Contacts are the people you write with. Once one is here with an email address, every email from and to them in a
      connected mailbox appears in their Contact Log.
    </Empty>
  );
}
