import { Anchor, Paper, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { mayAdminister, useMe } from '../../api/session.ts';
import { Page } from '../../components/page.tsx';
import { AddExclusion } from './add-exclusion.tsx';
import { ExclusionList } from './exclusion-list.tsx';
import { OwnDomains } from './own-domains.tsx';

/** Administration > Email > Exclusions: for every mailbox of the account. */
export function AccountExclusionsPage() {
  const admin = mayAdminister(useMe());
  return (
    <Page
      title="Exclusions"
      crumbs={admin ? ['Administration', 'Email'] : ['Email']}
      intro={
        admin
          ? 'Whose mail is never logged, in every mailbox of this account. Everybody can keep a list for their own mailboxes, too.'
          : 'Whose mail is never logged, in every mailbox of this account. Administrators keep this list.'
      }
      narrow
    >
      <Stack>
        {admin && <AddExclusion scope="account" />}
        {admin && <OwnDomains />}
        <ExclusionList scope="account" mayRemove={admin} title="Excluded for everybody" />
        <Rules />
        <Text size="sm">
          <Anchor component={Link} to="/profile/email-sync/exclusions" size="sm">
            Exclusions for your own mailboxes
          </Anchor>
        </Text>
      </Stack>
    </Page>
  );
}

/** Personal profile > Integrations > Email Sync > Exclusions: for the mailboxes that one connected. */
export function MyExclusionsPage() {
  return (
    <Page
      title="Your exclusions"
      crumbs={[
        'Personal profile',
        <Anchor key="email-sync" component={Link} to="/profile/email-sync" size="xs">
          Email Sync
        </Anchor>,
      ]}
      intro="Whose mail is never logged from the mailboxes that you connected. Nobody else sees this list; a colleague’s mailbox is not concerned."
      narrow
    >
      <Stack>
        <AddExclusion scope="personal" />
        <ExclusionList scope="personal" mayRemove title="Excluded in your mailboxes" />
        <ExclusionList scope="account" mayRemove={false} title="Excluded for everybody" />
        <Rules />
      </Stack>
    </Page>
  );
}

function Rules() {
  return (
    <Paper component="section" aria-label="How it works" withBorder radius="md" p="md">
      <Title order={2}>How it works</Title>
      <Text component="ul" size="sm" c="dimmed" my={6} pl={20}>
        <li>Mail from or to an excluded contact is not stored and starts no automation.</li>
        <li>
          A message with several people is still logged for those who aren’t excluded, and can be read there as a whole.
          “Why is this here?” names whom an exclusion left out.
        </li>
        <li>An address stands for all its plus-tags, a domain for its subdomains as well.</li>
        <li>What is in the log already stays. To erase it, delete the contact.</li>
        <li>
          When an exclusion is removed, the mail that it kept out since each mailbox was connected is fetched and
          logged; it starts no automation.
        </li>
      </Text>
    </Paper>
  );
}
