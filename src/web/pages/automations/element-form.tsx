import { Checkbox, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { membersQuery } from '../../api/account.ts';
import { createSegment, createStage, createTag, segmentsQuery, stagesQuery, tagsQuery } from '../../api/labels.ts';
import type { Element } from '../../api/types.ts';
import { CreatableSelect } from './creatable-select.tsx';

type Of<K extends Element['kind']> = Extract<Element, { kind: K }>;
interface Props<K extends Element['kind'] = Element['kind']> {
  element: Of<K>;
  /** What is wrong, by field; '' for the element as a whole. */
  errors: Record<string, string>;
  onChange: (element: Element) => void;
}

/** The settings of the selected element. */
export function ElementForm(props: Props) {
  const { errors } = props;
  return (
    <Stack gap="sm">
      {errors[''] && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {errors['']}
        </Text>
      )}
      <Settings {...props} />
    </Stack>
  );
}

function Settings(props: Props) {
  const { element, errors, onChange } = props;
  const { data: tags = [] } = useQuery(tagsQuery);
  const { data: segments = [] } = useQuery(segmentsQuery);
  const { data: stages = [] } = useQuery(stagesQuery);
  switch (element.kind) {
    case 'email_received':
      return (
        <>
          <Text size="sm">
            Starts whenever a contact sends an email to a connected address, in whichever synced folder it lies. Each
            email starts it once for a contact, however many mailboxes hold it. Mail from before connecting, or found
            later, starts nothing.
          </Text>
          <Checkbox.Group
            label="Start also for"
            description="Such mail is logged, and starts nothing unless it is ticked"
            value={element.alsoFor ?? []}
            error={errors['alsoFor']}
            onChange={(alsoFor) => onChange({ ...element, alsoFor: alsoFor as Of<'email_received'>['alsoFor'] })}
          >
            <Stack gap="xs" mt="xs">
              <Checkbox value="auto_reply" label="Automatic replies" />
              <Checkbox value="bounce" label="Bounces" />
              <Checkbox value="list" label="Mailing lists" />
              <Checkbox value="calendar" label="Calendar mail" />
            </Stack>
          </Checkbox.Group>
          <Checkbox
            label="Mail whose sender could not be confirmed"
            description="Somebody else may have written it in the contact's name"
            checked={element.alsoUnconfirmed ?? false}
            onChange={(event) => onChange({ ...element, alsoUnconfirmed: event.currentTarget.checked })}
          />
        </>
      );
    case 'create_task':
      return <TaskSettings element={element} errors={errors} onChange={onChange} />;
    case 'change_lead_score':
      return (
        <NumberInput
          label="Change by"
          description="Below zero lowers it"
          min={-1000}
          max={1000}
          allowDecimal={false}
          value={element.by}
          error={errors['by']}
          onChange={(value) => onChange({ ...element, by: whole(value, 0) })}
        />
      );
    case 'add_tag':
      return (
        <CreatableSelect
          label="Tag"
          noun="tag"
          value={element.tagId}
          all={tags}
          queryKey={tagsQuery.queryKey}
          create={createTag}
          error={errors['tagId']}
          onChange={(tagId) => onChange({ ...element, tagId })}
        />
      );
    case 'add_to_segment':
      return (
        <CreatableSelect
          label="Segment"
          noun="segment"
          value={element.segmentId}
          all={segments}
          queryKey={segmentsQuery.queryKey}
          create={createSegment}
          error={errors['segmentId']}
          onChange={(segmentId) => onChange({ ...element, segmentId })}
        />
      );
    case 'move_stage':
      return (
        <CreatableSelect
          label="Stage"
          noun="stage"
          value={element.stageId}
          all={stages}
          queryKey={stagesQuery.queryKey}
          create={createStage}
          error={errors['stageId']}
          onChange={(stageId) => onChange({ ...element, stageId })}
        />
      );
    case 'wait':
      return (
        <Group grow align="flex-start">
          <NumberInput
            label="Wait"
            min={1}
            max={10_000}
            allowDecimal={false}
            value={element.amount}
            error={errors['amount']}
            onChange={(value) => onChange({ ...element, amount: Math.max(1, whole(value, 1)) })}
          />
          <Select
            label="Unit"
            allowDeselect={false}
            data={['minutes', 'hours', 'days']}
            value={element.unit}
            onChange={(unit) => unit && onChange({ ...element, unit: unit as Of<'wait'>['unit'] })}
          />
        </Group>
      );
    case 'end':
      return <Text size="sm">Here the contact leaves the automation. A later email begins it anew.</Text>;
  }
}

function TaskSettings({ element, errors, onChange }: Props<'create_task'>) {
  const { data: members = [] } = useQuery(membersQuery);
  const { assignee, due } = element;
  return (
    <>
      <TextInput
        label="What is to be done"
        maxLength={500}
        value={element.subject}
        error={errors['subject']}
        onChange={(event) => onChange({ ...element, subject: event.currentTarget.value })}
      />
      <Select
        label="For"
        description="A contact without an owner: the account's fallback user"
        allowDeselect={false}
        data={[
          { value: 'contact_owner', label: "The contact's owner" },
          { value: 'fallback', label: 'The fallback user' },
          ...members.map(({ userId, name }) => ({ value: userId, label: name })),
        ]}
        value={typeof assignee === 'string' ? assignee : assignee.userId}
        error={errors['assignee']}
        onChange={(value) => {
          if (!value) return;
          onChange({
            ...element,
            assignee: value === 'contact_owner' || value === 'fallback' ? value : { userId: value },
          });
        }}
      />
      <Group grow align="flex-start">
        <NumberInput
          label="Due in"
          min={0}
          max={10_000}
          allowDecimal={false}
          value={due.amount}
          error={errors['due']}
          onChange={(value) => onChange({ ...element, due: { ...due, amount: Math.max(0, whole(value, 0)) } })}
        />
        <Select
          label="Unit"
          allowDeselect={false}
          data={['hours', 'days']}
          value={due.unit}
          onChange={(unit) => unit && onChange({ ...element, due: { ...due, unit: unit as typeof due.unit } })}
        />
      </Group>
      <Text size="xs" c="dimmed">
        Hours are exact; days end at the same local time of whoever gets the task.
      </Text>
    </>
  );
}

function whole(value: number | string, otherwise: number): number {
  const number = Math.trunc(Number(value));
  return value === '' || Number.isNaN(number) ? otherwise : number;
}
