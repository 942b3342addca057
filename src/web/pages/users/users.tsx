import {
  Alert,
  Button,
  CopyButton,
  Group,
  Modal,
  Select,
  Stack,
  Text,
  TextInput,
  Title,
  VisuallyHidden,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconCheck, IconCopy, IconUserPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import {
  invitationsQuery,
  invite,
  membersQuery,
  removeMember,
  updateMember,
  withdrawInvitation,
} from '../../api/account.ts';
import { mayAdminister, useMe } from '../../api/session.ts';
import type { Invitation, Member, Role } from '../../api/types.ts';
import { Initials } from '../../components/avatar.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { SortHeading } from '../../components/sort-heading.tsx';
import table from '../../components/table.module.css';
import { usePhone } from '../../components/use-phone.ts';
import { say, sayProblem } from '../../components/toast.tsx';
import { Label } from '../../components/tone.tsx';
import { newButton } from '../../shell/shortcuts.ts';

const roleNames: Record<Role, string> = { owner: 'Owner', admin: 'Administrator', member: 'Member' };
const roleChoices = Object.entries(roleNames).map(([value, label]) => ({ value, label }));

export function UsersPage() {
  const me = useMe();
  const admin = mayAdminister(me);
  const { data: members, error, isPending, refetch } = useQuery(membersQuery);
  const [inviting, { open, close }] = useDisclosure(false);
  return (
    <Page
      title="Users"
      crumbs={[admin ? 'Administration' : 'Account']}
      intro="Owners decide about the plan, administrators see all connections and users, members work with contacts and their own mailboxes."
      actions={
        admin && (
          <Button leftSection={<IconUserPlus size={16} />} onClick={open} {...newButton}>
            Invite
          </Button>
        )
      }
    >
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <LoadingRows rows={3} height={44} />}
      {members && <Members members={members} />}
      {admin && <Invitations />}
      <Modal opened={inviting} onClose={close} title="Invite somebody">
        {inviting && <InviteForm onClose={close} />}
      </Modal>
    </Page>
  );
}

function Members({ members }: { members: Member[] }) {
  const me = useMe();
  const phone = usePhone();
  const client = useQueryClient();
  const [removing, setRemoving] = useState<Member | null>(null);
  const change = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: Role }) => updateMember(member.userId, role),
    onSuccess: (_, { member, role }) => {
      void client.invalidateQueries({ queryKey: membersQuery.queryKey });
      if (member.userId === me.user.id) void client.invalidateQueries({ queryKey: ['me'] });
      say(`${member.name} is ${roleNames[role].toLowerCase()} now.`, () =>
        change.mutate({ member, role: member.role }),
      );
    },
    onError: (error) => sayProblem(error, "The role wasn't changed"),
  });
  const admin = mayAdminister(me);
  const mayChange = (member: Member) => admin && (me.role === 'owner' || member.role !== 'owner');
  const role = (member: Member) => (
    <Select
      size="xs"
      w={150}
      aria-label={`Role of ${member.name}`}
      allowDeselect={false}
      data={roleChoices.filter(({ value }) => value !== 'owner' || me.role === 'owner')}
      value={member.role}
      onChange={(chosen) => chosen && change.mutate({ member, role: chosen as Role })}
    />
  );
  const removal = (member: Member) => (
    <Button variant="default" onClick={() => setRemoving(member)}>
      {member.userId === me.user.id ? 'Leave' : 'Remove'}
    </Button>
  );
  return (
    <div className={phone ? undefined : table['wrap']}>
      {phone ? (
        <ul className={table['cards']} aria-label="Users of this account">
          {members.map((member) => (
            <li key={member.userId}>
              <Group gap={10} wrap="nowrap">
                <Initials name={member.name} size={36} />
                <div style={{ minWidth: 0, flex: 1 }}>
                  <Group gap={6} wrap="nowrap">
                    <span className="one-line" style={{ fontWeight: 550 }}>
                      {member.name}
                    </span>
                    {member.userId === me.user.id && <Label>you</Label>}
                  </Group>
                  <div className={`one-line ${table['dim']}`} style={{ fontSize: '0.8125rem' }}>
                    {member.email}
                  </div>
                </div>
                {!mayChange(member) && roleNames[member.role]}
              </Group>
              {mayChange(member) && (
                <Group gap="xs" mt={8} justify="space-between">
                  {role(member)}
                  {removal(member)}
                </Group>
              )}
            </li>
          ))}
        </ul>
      ) : (
        <table className={table['table']}>
          <caption hidden>Users of this account</caption>
          <thead>
            <tr>
              <SortHeading label="Name" />
              <SortHeading label="Email address" />
              <SortHeading label="Role" />
              {admin && (
                <th scope="col">
                  <VisuallyHidden>Actions</VisuallyHidden>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {members.map((member) => (
              <tr key={member.userId}>
                <td>
                  <Group gap={10} wrap="nowrap">
                    <Initials name={member.name} size={26} />
                    <span className="one-line">{member.name}</span>
                    {member.userId === me.user.id && <Label>you</Label>}
                  </Group>
                </td>
                <td className="one-line">{member.email}</td>
                <td>{mayChange(member) ? role(member) : roleNames[member.role]}</td>
                {admin && <td className={table['right']}>{mayChange(member) && removal(member)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Confirm
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title={removing?.userId === me.user.id ? 'Leave this account?' : `Remove ${removing?.name}?`}
        action={removing?.userId === me.user.id ? 'Leave' : 'Remove'}
        onConfirm={async () => {
          if (!removing) return;
          await removeMember(removing.userId);
          if (removing.userId === me.user.id) return window.location.assign('/');
          await client.invalidateQueries({ queryKey: membersQuery.queryKey });
          say(`${removing.name} was removed.`);
        }}
      >
        <Text size="sm">
          Sessions and API keys end at once, and the mailboxes pause. Open tasks go to the fallback user, and contacts
          are left without this owner. The Contact Logs keep their emails.
        </Text>
      </Confirm>
    </div>
  );
}

function Invitations() {
  const client = useQueryClient();
  const { data: invitations, error } = useQuery(invitationsQuery);
  const withdraw = async ({ id, email }: Invitation) => {
    try {
      await withdrawInvitation(id);
      say(`The invitation of ${email} doesn't work any more.`);
    } catch (problem) {
      sayProblem(problem);
    }
    void client.invalidateQueries({ queryKey: invitationsQuery.queryKey });
  };
  if (error) return <Problem error={error} />;
  if (!invitations || invitations.length === 0) return null;
  return (
    <section aria-label="Open invitations" style={{ marginTop: 28 }}>
      <Title order={2} mb={8}>
        Open invitations
      </Title>
      <ul className={table['cards']}>
        {invitations.map((invitation) => (
          <li key={invitation.id}>
            <Group justify="space-between" gap="xs">
              <div>
                <div style={{ fontWeight: 550 }}>{invitation.email}</div>
                <Text size="xs" c="dimmed">
                  {roleNames[invitation.role]} · ends <RelativeTime at={invitation.expiresAt} />
                </Text>
              </div>
              <Group gap="xs">
                <CopyLink link={invitation.link} />
                <Button variant="default" onClick={() => void withdraw(invitation)}>
                  Withdraw
                </Button>
              </Group>
            </Group>
          </li>
        ))}
      </ul>
    </section>
  );
}

function CopyLink({ link }: { link: string }) {
  return (
    <CopyButton value={link}>
      {({ copied, copy }) => (
        <Button
          variant="default"
          onClick={copy}
          leftSection={copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
        >
          {copied ? 'Copied' : 'Copy link'}
        </Button>
      )}
    </CopyButton>
  );
}

function InviteForm({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const client = useQueryClient();
  const form = useForm({ initialValues: { email: '', role: 'member' as Role } });
  const send = useMutation({
    mutationFn: ({ email, role }: typeof form.values) => invite(email.trim(), role),
    onSuccess: () => void client.invalidateQueries({ queryKey: invitationsQuery.queryKey }),
    onError: (error) => form.setErrors(fieldErrors(error, ['email', 'role']).fields),
  });
  if (send.data) {
    return (
      <Stack>
        <Alert color="ink" variant="light" title={`Send this link to ${send.data.email}`}>
          No email is sent. The link works once, until <RelativeTime at={send.data.expiresAt} />, and only for that
          address.
        </Alert>
        <TextInput
          aria-label="Invitation link"
          value={send.data.link}
          readOnly
          onFocus={(event) => event.currentTarget.select()}
        />
        <Group justify="flex-end" gap="xs">
          <CopyLink link={send.data.link} />
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={form.onSubmit((values) => send.mutate(values))}>
      <Stack>
        <TextInput label="Email address" type="email" required data-autofocus {...form.getInputProps('email')} />
        <Select
          label="Role"
          allowDeselect={false}
          data={roleChoices.filter(({ value }) => value !== 'owner' || me.role === 'owner')}
          {...form.getInputProps('role')}
        />
        <Problem error={fieldErrors(send.error, ['email', 'role']).rest} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={send.isPending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
