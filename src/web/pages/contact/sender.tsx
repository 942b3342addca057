import { Alert, Text } from '@mantine/core';
import type { MailAddress, Mailbox, OpenedLogItem } from '../../api/types.ts';

const severalSenders = 'From names several domains';

/** Said of an email whose sender failed the check: what that means, and who found it. */
export function SenderWarning({ item, from }: { item: OpenedLogItem; from: MailAddress | null }) {
  if (item.sender !== 'fail') return null;
  const domain = from?.address.split('@').at(-1);
  const failed = item.mailboxes.filter(({ sender }) => sender?.verdict === 'fail');
  const several = failed.every(({ sender }) => sender?.results === severalSenders);
  return (
    <Alert color="red" variant="light" mt="sm" py="xs" title="The sender could not be confirmed">
      {several
        ? 'The email names senders of several organisations at once, so none of them can be confirmed.'
        : `By the rules of ${domain ?? 'the domain that it names'}, this was not sent by it.`}{' '}
      Somebody else may have written it. Ask the contact in another way before you pay, click or answer. A copy that is
      not confirmed starts only those automations that are set to start for such mail.
      {item.mailboxes.map((mailbox) => (
        <Text key={mailbox.connectionId} size="xs" c="dimmed" mt={4} style={{ overflowWrap: 'anywhere' }}>
          {mailbox.address}: {found(mailbox)}
        </Text>
      ))}
    </Alert>
  );
}

/** Of an email that didn't fail: quietly. */
export function SenderWords({ item }: { item: OpenedLogItem }) {
  const confirmed = item.mailboxes.find(({ sender }) => sender?.verdict === 'pass');
  if (!confirmed) {
    const tried = item.mailboxes.find(({ sender }) => sender?.by === null && sender.results)?.sender?.results;
    return (
      <Text span size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
        {tried
          ? `Not known: the mailbox's server says nothing about it, nor does Letterlog's own check (${tried})`
          : "Not checked: the mailbox's server says nothing about it"}
      </Text>
    );
  }
  return (
    <>
      Confirmed{' '}
      <Text span size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
        {found(confirmed)}
      </Text>
    </>
  );
}

function found({ sender }: Mailbox): string {
  if (!sender || sender.verdict === 'none') return 'not checked';
  const words = sender.verdict === 'pass' ? 'confirmed' : 'not confirmed';
  return `${words} by ${sender.by ?? "Letterlog's own check"}${sender.results ? ` (${sender.results})` : ''}`;
}
