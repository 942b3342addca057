import { Anchor, Group, Text } from '@mantine/core';
import { IconMailOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Contact } from '../../api/types.ts';

/** Under an address whose mail is kept out of the log: by what, and where to change it. */
export function ExcludedNote({ exclusion }: { exclusion: Contact['exclusions'][number] | undefined }) {
  if (!exclusion) return null;
  const account = exclusion.scope === 'account';
  return (
    <Group gap={6} wrap="nowrap" align="flex-start" mb={4}>
      <IconMailOff size={14} aria-hidden style={{ flex: 'none', marginTop: 2 }} />
      <Text size="xs" c="dimmed">
        {exclusion.kind === 'own_domain'
          ? `Emails from and to it aren’t logged: ${exclusion.name} is your own domain.`
          : `Emails from and to it aren’t logged ${account ? 'for anybody here' : 'from your mailboxes'}: ${exclusion.name} is excluded.`}{' '}
        <Anchor
          component={Link}
          to={account ? '/administration/email/exclusions' : '/profile/email-sync/exclusions'}
          size="xs"
        >
          Exclusions
        </Anchor>
      </Text>
    </Group>
  );
}

/** What is said when an address was entered whose mail won't come; null: there is none. */
export function excludedWords({ exclusions }: Pick<Contact, 'exclusions'>): string | null {
  if (exclusions.length === 0) return null;
  const addresses = exclusions.map(({ address }) => address).join(', ');
  return `Emails from and to ${addresses} won’t be logged: ${exclusions.length === 1 ? 'it is' : 'they are'} excluded.`;
}
