import { ActionIcon, Button, Menu, Skeleton, Tabs, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconChecklist,
  IconChevronDown,
  IconChevronUp,
  IconDots,
  IconMail,
  IconRoute,
  IconTrash,
} from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useLocation, useNavigate, useParams, useRouter, useSearch } from '@tanstack/react-router';
import { Suspense, lazy } from 'react';
import { contactQuery, deleteContact } from '../../api/contacts.ts';
import { isNowhere } from '../../api/request.ts';
import type { Contact } from '../../api/types.ts';
import { Initials } from '../../components/avatar.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { NotFound } from '../../shell/fallbacks.tsx';
import classes from './contact.module.css';
import { ContactDetails } from './details.tsx';
import { ContactLog } from './log.tsx';
import { ContactRuns } from './runs.tsx';
import { ContactTasks } from './tasks.tsx';

const LogItemDrawer = lazy(async () => ({ default: (await import('./item-drawer.tsx')).LogItemDrawer }));

export function ContactPage() {
  const { contactId } = useParams({ from: '/shell/contacts/$contactId' });
  const { data: contact, error, isPending, refetch } = useQuery(contactQuery(contactId));
  if (isNowhere(error)) return <NotFound />;
  const crumbs = [
    <Link key="contacts" to="/contacts">
      Contacts
    </Link>,
  ];
  if (isPending || error) {
    return (
      <Page title="Contact" crumbs={crumbs} heading={<Skeleton height={44} width={320} />}>
        {error ? <Problem error={error} retry={() => void refetch()} /> : <LoadingRows rows={8} height={54} />}
      </Page>
    );
  }
  return (
    <Page
      title={contact.name}
      crumbs={crumbs}
      heading={<Heading contact={contact} />}
      actions={<Actions contact={contact} />}
    >
      <Columns contact={contact} key={contact.id} />
    </Page>
  );
}

function Heading({ contact }: { contact: Contact }) {
  return (
    <div className={classes['name']}>
      <Initials name={contact.name} size={46} />
      <div style={{ minWidth: 0 }}>
        <Title order={1} className="one-line">
          {contact.name}
        </Title>
        <div className={classes['facts']}>
          {contact.company && contact.company !== contact.name && <span>{contact.company}</span>}
          {contact.addresses[0] && <a href={`mailto:${contact.addresses[0]}`}>{contact.addresses[0]}</a>}
          {contact.stage && <span>{contact.stage.name}</span>}
          <span>{contact.owner ? `Owner: ${contact.owner.name}` : 'No owner'}</span>
        </div>
      </div>
    </div>
  );
}

function Columns({ contact }: { contact: Contact }) {
  const { tab = 'log', item, view } = useSearch({ from: '/shell/contacts/$contactId' });
  const navigate = useNavigate({ from: '/contacts/$contactId' });
  const [unfolded, { toggle }] = useDisclosure(false);
  const { history } = useRouter();
  const openedHere = useLocation({ select: ({ state }) => state.openedHere === true });
  const openItem = (id: string) =>
    void navigate({ search: (before) => ({ ...before, item: id }), state: { openedHere: true } });
  // Back must leave the contact then, not open the email again.
  const closeItem = () =>
    openedHere
      ? history.back()
      : void navigate({ search: (before) => ({ ...before, item: undefined }), replace: true });
  return (
    <div className={classes['columns']}>
      <div>
        <Button
          className={classes['toggle']}
          variant="default"
          fullWidth
          onClick={toggle}
          aria-expanded={unfolded}
          aria-controls="contact-details"
          rightSection={unfolded ? <IconChevronUp size={16} /> : <IconChevronDown size={16} />}
        >
          {unfolded ? 'Hide details' : 'Show details'}
        </Button>
        <section
          id="contact-details"
          aria-label="Details"
          className={classes['details']}
          data-folded={unfolded ? undefined : true}
          style={{ marginTop: unfolded ? 8 : undefined }}
        >
          <ContactDetails contact={contact} />
        </section>
      </div>
      <Tabs
        value={tab}
        onChange={(value) =>
          void navigate({ search: { tab: value === 'log' ? undefined : (value ?? undefined), view } })
        }
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="log" leftSection={<IconMail size={16} />}>
            Contact Log
          </Tabs.Tab>
          <Tabs.Tab value="tasks" leftSection={<IconChecklist size={16} />}>
            Tasks
          </Tabs.Tab>
          <Tabs.Tab value="automations" leftSection={<IconRoute size={16} />}>
            Automations
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="log" pt="xs">
          <ContactLog
            contact={contact}
            view={view === 'conversations' ? 'conversations' : 'items'}
            onView={(next) =>
              void navigate({
                search: (before) => ({ ...before, view: next === 'conversations' ? next : undefined }),
                replace: true,
              })
            }
            openedId={item}
            onOpen={openItem}
          />
        </Tabs.Panel>
        <Tabs.Panel value="tasks" pt="sm">
          <ContactTasks contact={contact} />
        </Tabs.Panel>
        <Tabs.Panel value="automations" pt="sm">
          <ContactRuns contactId={contact.id} />
        </Tabs.Panel>
      </Tabs>
      <Suspense>
        <LogItemDrawer itemId={item} onClose={closeItem} />
      </Suspense>
    </div>
  );
}

function Actions({ contact }: { contact: Contact }) {
  const [asking, { open, close }] = useDisclosure(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon size="lg" variant="default" aria-label="More actions">
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={open}>
            Delete contact
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asking}
        onClose={close}
        title={`Delete ${contact.name}?`}
        action="Delete contact"
        onConfirm={async () => {
          await deleteContact(contact.id);
          await navigate({ to: '/contacts' });
          client.removeQueries({ queryKey: contactQuery(contact.id).queryKey });
          void client.invalidateQueries({ queryKey: ['contacts', 'list'] });
          say(`${contact.name} was deleted.`);
        }}
      >
        <Text size="sm">
          The contact goes with its log, tasks and places on automations. Emails that no other contact has are erased
          from Letterlog; in the mailboxes nothing changes. Automations won't fire again for this mail, even if the
          contact comes back.
        </Text>
      </Confirm>
    </>
  );
}
