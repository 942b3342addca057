import {
  Alert,
  Anchor,
  Button,
  Code,
  CopyButton,
  Group,
  Modal,
  Stack,
  Text,
  TextInput,
  VisuallyHidden,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconCheck, IconCopy, IconKey, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { apiKeysQuery, createApiKey, revokeApiKey } from '../../api/account.ts';
import type { ApiKey } from '../../api/types.ts';
import { Confirm } from '../../components/confirm.tsx';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { SortHeading } from '../../components/sort-heading.tsx';
import table from '../../components/table.module.css';
import { say } from '../../components/toast.tsx';
import { usePhone } from '../../components/use-phone.ts';
import { newButton } from '../../shell/shortcuts.ts';

export function ApiKeysPage() {
  const { data: keys, error, isPending, refetch } = useQuery(apiKeysQuery);
  const phone = usePhone();
  const client = useQueryClient();
  const [creating, { open, close }] = useDisclosure(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  return (
    <Page
      title="API keys"
      crumbs={['Administration']}
      intro={
        <>
          A key acts as you, with all that you may do. The{' '}
          <Anchor href="/api/v1/docs" target="_blank" size="sm">
            API reference
          </Anchor>{' '}
          says what that is.
        </>
      }
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={open} {...newButton}>
          New key
        </Button>
      }
    >
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <LoadingRows rows={3} height={42} />}
      {keys?.length === 0 && (
        <Empty icon={<IconKey size={24} />} title="No API keys" action={<Button onClick={open}>New key</Button>}>
          With a key your own programs read and write contacts, logs, tasks and automations.
        </Empty>
      )}
      {keys && keys.length > 0 && phone && (
        <ul className={table['cards']} aria-label="Your API keys">
          {keys.map((key) => (
            <li key={key.id}>
              <Group justify="space-between" wrap="nowrap" gap="xs">
                <div style={{ minWidth: 0 }}>
                  <div className="one-line" style={{ fontWeight: 550 }}>
                    {key.name}
                  </div>
                  <Code>{key.prefix}…</Code>
                  <Text size="xs" c="dimmed" mt={2}>
                    made <RelativeTime at={key.createdAt} />,{' '}
                    {key.lastUsedAt ? (
                      <>
                        used <RelativeTime at={key.lastUsedAt} />
                      </>
                    ) : (
                      'never used'
                    )}
                  </Text>
                </div>
                <Button variant="default" style={{ flex: 'none' }} onClick={() => setRevoking(key)}>
                  Revoke
                </Button>
              </Group>
            </li>
          ))}
        </ul>
      )}
      {keys && keys.length > 0 && !phone && (
        <div className={table['wrap']}>
          <table className={table['table']}>
            <caption hidden>Your API keys</caption>
            <thead>
              <tr>
                <SortHeading label="Name" />
                <SortHeading label="Key" />
                <SortHeading label="Made" />
                <SortHeading label="Last used" />
                <th scope="col">
                  <VisuallyHidden>Actions</VisuallyHidden>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => (
                <tr key={key.id}>
                  <td className="one-line">{key.name}</td>
                  <td>
                    <Code>{key.prefix}…</Code>
                  </td>
                  <td>
                    <RelativeTime at={key.createdAt} />
                  </td>
                  <td>
                    {key.lastUsedAt ? (
                      <RelativeTime at={key.lastUsedAt} />
                    ) : (
                      <span className={table['dim']}>never</span>
                    )}
                  </td>
                  <td className={table['right']}>
                    <Button variant="default" onClick={() => setRevoking(key)}>
                      Revoke
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Modal opened={creating} onClose={close} title="New API key">
        {creating && <NewKey onClose={close} />}
      </Modal>
      <Confirm
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title={`Revoke “${revoking?.name}”?`}
        action="Revoke"
        onConfirm={async () => {
          if (!revoking) return;
          await revokeApiKey(revoking.id);
          await client.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
          say(`“${revoking.name}” was revoked.`);
        }}
      >
        <Text size="sm">Programs that use it are refused from now on. This can't be undone.</Text>
      </Confirm>
    </Page>
  );
}

function NewKey({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({ initialValues: { name: '' } });
  const create = useMutation({
    mutationFn: ({ name }: { name: string }) => createApiKey(name.trim()),
    onSuccess: () => void client.invalidateQueries({ queryKey: apiKeysQuery.queryKey }),
    onError: (error) => form.setErrors(fieldErrors(error, ['name']).fields),
  });
  if (create.data) {
    return (
      <Stack>
        <Alert color="yellow" variant="light" title="Copy the key now">
          It is shown this once. Whoever has it can do all that you may do.
        </Alert>
        <TextInput
          aria-label="API key"
          value={create.data.key}
          readOnly
          onFocus={(event) => event.currentTarget.select()}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        />
        <Group justify="flex-end" gap="xs">
          <CopyButton value={create.data.key}>
            {({ copied, copy }) => (
              <Button
                variant="default"
                onClick={copy}
                leftSection={copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
              >
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
      <Stack>
        <TextInput
          label="Name"
          description="What will use it, so that you know later"
          required
          maxLength={100}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <Problem error={fieldErrors(create.error, ['name']).rest} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Make the key
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
