import { ActionIcon, Button, CopyButton, Group, Select, Stack, Text, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy, IconPencil } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import { membersQuery } from '../../api/account.ts';
import { useUpdateContact } from '../../api/contacts.ts';
import { createSegment, createTag, segmentsQuery, stagesQuery, tagsQuery } from '../../api/labels.ts';
import { ProblemError } from '../../api/request.ts';
import type { Contact, Named } from '../../api/types.ts';
import { AddressesField, addressErrors } from '../../components/addresses-field.tsx';
import { InlineNumber, InlineText } from '../../components/inline-text.tsx';
import inline from '../../components/inline.module.css';
import { LabelsField } from '../../components/labels-field.tsx';
import { Problem, fieldMessage } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { say } from '../../components/toast.tsx';
import { excludedWords, ExcludedNote } from './excluded-note.tsx';
import classes from './contact.module.css';

/** Everything known about a contact; each value is changed where it stands. */
export function ContactDetails({ contact }: { contact: Contact }) {
  const { mutateAsync: update } = useUpdateContact(contact.id);
  const { data: members = [] } = useQuery(membersQuery);
  const { data: stages = [] } = useQuery(stagesQuery);
  const { data: tags = [] } = useQuery(tagsQuery);
  const { data: segments = [] } = useQuery(segmentsQuery);
  return (
    <>
      <Addresses contact={contact} />
      <Choice
        label="Owner"
        value={contact.owner}
        choices={members.map(({ userId, name }) => ({ id: userId, name }))}
        onSave={(owner) => update({ input: { ownerId: owner?.id ?? null }, shown: { owner } })}
      />
      <Choice
        label="Stage"
        value={contact.stage}
        choices={stages}
        onSave={(stage) => update({ input: { stageId: stage?.id ?? null }, shown: { stage } })}
      />
      <LabelsField
        label="Tags"
        value={contact.tags}
        all={tags}
        queryKey={tagsQuery.queryKey}
        create={createTag}
        onSave={(next) => update({ input: { tagIds: next.map(({ id }) => id) }, shown: { tags: next } })}
      />
      <LabelsField
        label="Segments"
        value={contact.segments}
        all={segments}
        queryKey={segmentsQuery.queryKey}
        create={createSegment}
        onSave={(next) => update({ input: { segmentIds: next.map(({ id }) => id) }, shown: { segments: next } })}
      />
      <InlineNumber
        label="Lead score"
        value={contact.leadScore}
        onSave={(leadScore) => update({ input: { leadScore } })}
      />
      <InlineText
        label="First name"
        value={contact.firstName}
        onSave={(firstName) => update({ input: { firstName } })}
      />
      <InlineText label="Last name" value={contact.lastName} onSave={(lastName) => update({ input: { lastName } })} />
      <InlineText label="Company" value={contact.company} onSave={(company) => update({ input: { company } })} />
      <Text size="xs" c="dimmed">
        Added <RelativeTime at={contact.createdAt} />, changed <RelativeTime at={contact.updatedAt} />
      </Text>
    </>
  );
}

function Choice(props: {
  label: string;
  value: Named | null;
  choices: Named[];
  onSave: (choice: Named | null) => Promise<unknown>;
}) {
  const { label, value, choices, onSave } = props;
  const [error, setError] = useState<string | null>(null);
  const all = value && !choices.some(({ id }) => id === value.id) ? [value, ...choices] : choices;
  return (
    <Select
      label={label}
      size="xs"
      classNames={{ input: inline['input'], label: inline['label'] }}
      placeholder="None"
      clearable
      searchable={all.length > 8}
      clearButtonProps={{ 'aria-label': `No ${label.toLowerCase()}` }}
      data={all.map(({ id, name }) => ({ value: id, label: name }))}
      value={value?.id ?? null}
      error={error}
      onChange={(id) => {
        setError(null);
        onSave(all.find((one) => one.id === id) ?? null).catch((problem: unknown) => setError(fieldMessage(problem)));
      }}
    />
  );
}

function Addresses({ contact }: { contact: Contact }) {
  const [draft, setDraft] = useState<string[] | null>(null);
  const { mutate: update, error, isPending, reset } = useUpdateContact(contact.id);
  const close = () => {
    reset();
    setDraft(null);
  };
  if (draft === null) {
    return (
      <div>
        <Group justify="space-between" gap={4}>
          <span className={classes['small']}>Email addresses</span>
          <ActionIcon
            size="sm"
            aria-label="Edit email addresses"
            onClick={() => setDraft(contact.addresses.length > 0 ? contact.addresses : [''])}
          >
            <IconPencil size={14} />
          </ActionIcon>
        </Group>
        {contact.addresses.length === 0 && (
          <Text size="sm" c="dimmed">
            None. Without an address no email is found.
          </Text>
        )}
        {contact.addresses.map((address, at) => (
          <Fragment key={address}>
            <div className={classes['address']}>
              <a className="one-line" href={`mailto:${address}`} title={address}>
                {address}
              </a>
              {at === 0 && contact.addresses.length > 1 && (
                <Text span size="xs" c="dimmed">
                  primary
                </Text>
              )}
              <CopyButton value={address}>
                {({ copied, copy }) => (
                  <Tooltip label={copied ? 'Copied' : 'Copy'}>
                    <ActionIcon size="xs" aria-label={`Copy ${address}`} onClick={copy}>
                      {copied ? <IconCheck size={13} /> : <IconCopy size={13} />}
                    </ActionIcon>
                  </Tooltip>
                )}
              </CopyButton>
            </div>
            <ExcludedNote exclusion={contact.exclusions.find((one) => one.address === address)} />
          </Fragment>
        ))}
      </div>
    );
  }
  const errors = error instanceof ProblemError ? addressErrors(error, draft) : {};
  const placed = Object.keys(errors).length > 0;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const addresses = draft.map((address) => address.trim()).filter(Boolean);
        update(
          { input: { addresses } },
          {
            onSuccess: (saved) => {
              close();
              const words = excludedWords(saved);
              if (words) say(words);
            },
          },
        );
      }}
    >
      <Stack gap="xs">
        <AddressesField value={draft} onChange={setDraft} errors={errors} autoFocusNew />
        {placed && error instanceof ProblemError && error.hint && (
          <Text size="xs" c="dimmed">
            {error.hint}
          </Text>
        )}
        {!placed && <Problem error={error} />}
        <Group gap="xs">
          <Button type="submit" loading={isPending}>
            Save
          </Button>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
