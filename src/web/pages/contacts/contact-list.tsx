import { Group } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import type { Contact } from '../../api/types.ts';
import { Initials } from '../../components/avatar.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { SortHeading } from '../../components/sort-heading.tsx';
import { Label } from '../../components/tone.tsx';
import table from '../../components/table.module.css';
import { usePhone } from '../../components/use-phone.ts';

interface Props {
  contacts: Contact[];
  sort: string;
  onSort: (sort: string) => void;
}

export function ContactList(props: Props) {
  return usePhone() ? <Cards contacts={props.contacts} /> : <Rows {...props} />;
}

function OpenLink({ contact }: { contact: Contact }) {
  return (
    <Link to="/contacts/$contactId" params={{ contactId: contact.id }} className={table['open']} data-line>
      {contact.name}
    </Link>
  );
}

function Rows({ contacts, sort, onSort }: Props) {
  const navigate = useNavigate();
  return (
    <div className={table['wrap']}>
      <table className={table['table']}>
        <caption hidden>Contacts</caption>
        <thead>
          <tr>
            <SortHeading label="Name" field="name" sort={sort} onSort={onSort} />
            <SortHeading label="Email address" />
            <SortHeading label="Owner" />
            <SortHeading label="Stage" />
            <SortHeading label="Tags" className={table['second']} />
            <SortHeading label="Score" field="leadScore" sort={sort} onSort={onSort} fallingFirst right />
            <SortHeading label="Last email" field="lastEmailAt" sort={sort} onSort={onSort} fallingFirst />
            <SortHeading
              label="Added"
              className={table['third']}
              field="createdAt"
              sort={sort}
              onSort={onSort}
              fallingFirst
            />
          </tr>
        </thead>
        <tbody>
          {contacts.map((contact) => (
            // The link in the row is for keyboards; the row itself only makes it a bigger target.
            <tr
              key={contact.id}
              className={table['row']}
              onClick={(event) => {
                if ((event.target as HTMLElement).closest('a, button')) return;
                void navigate({ to: '/contacts/$contactId', params: { contactId: contact.id } });
              }}
            >
              <td>
                <Group gap={10} wrap="nowrap">
                  <Initials name={contact.name} size={26} />
                  <div className="one-line">
                    <OpenLink contact={contact} />
                    {contact.company && contact.company !== contact.name && (
                      <div className={`one-line ${table['dim']}`} style={{ fontSize: '0.75rem' }}>
                        {contact.company}
                      </div>
                    )}
                  </div>
                </Group>
              </td>
              <td>
                <div className="one-line">
                  {contact.addresses[0] ?? <span className={table['dim']}>none</span>}
                  {contact.addresses.length > 1 && (
                    <span className={table['dim']} title={contact.addresses.slice(1).join('\n')}>
                      {' '}
                      +{contact.addresses.length - 1}
                    </span>
                  )}
                </div>
              </td>
              <td className="one-line">{contact.owner?.name ?? <span className={table['dim']}>nobody</span>}</td>
              <td>{contact.stage && <Label>{contact.stage.name}</Label>}</td>
              <td className={table['second']}>
                <Group gap={4} wrap="nowrap">
                  {contact.tags.slice(0, 2).map(({ id, name }) => (
                    <Label key={id}>{name}</Label>
                  ))}
                  {contact.tags.length > 2 && (
                    <span className={table['dim']} title={contact.tags.map(({ name }) => name).join(', ')}>
                      +{contact.tags.length - 2}
                    </span>
                  )}
                </Group>
              </td>
              <td className={`tabular ${table['right']}`}>{contact.leadScore.toLocaleString('en')}</td>
              <td style={{ whiteSpace: 'nowrap' }}>
                {contact.lastEmailAt ? (
                  <RelativeTime at={contact.lastEmailAt} />
                ) : (
                  <span className={table['dim']}>never</span>
                )}
              </td>
              <td className={`${table['dim']} ${table['third']}`}>
                <RelativeTime at={contact.createdAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cards({ contacts }: { contacts: Contact[] }) {
  return (
    <ul className={table['cards']}>
      {contacts.map((contact) => (
        <li key={contact.id}>
          <Group gap={12} wrap="nowrap">
            <Initials name={contact.name} size={36} />
            <div style={{ minWidth: 0, flex: 1 }}>
              <Group justify="space-between" wrap="nowrap" gap="xs">
                <span className="one-line">
                  <OpenLink contact={contact} />
                </span>
                <span className={table['dim']} style={{ fontSize: '0.75rem', whiteSpace: 'nowrap' }}>
                  {contact.lastEmailAt ? <RelativeTime at={contact.lastEmailAt} /> : 'no email yet'}
                </span>
              </Group>
              <div className={`one-line ${table['dim']}`} style={{ fontSize: '0.8125rem' }}>
                {contact.addresses[0] ?? 'no address'}
                {contact.stage && ` · ${contact.stage.name}`}
              </div>
            </div>
          </Group>
        </li>
      ))}
    </ul>
  );
}
