import { Button, Group, Radio, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { connectionQuery, setSenderCheck } from '../../api/connections.ts';
import type { Connection } from '../../api/types.ts';
import { Problem } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';

type By = Connection['senderCheck']['by'];

/** Whose word counts about who an email is really from; its owner and admins may correct it. */
export function SenderCheck({ connection }: { connection: Connection }) {
  const client = useQueryClient();
  const current = connection.senderCheck;
  const [draft, setDraft] = useState<{ by: By; authservId: string } | null>(null);
  const { by, authservId } = draft ?? { by: current.by, authservId: current.authservId ?? '' };
  const save = useMutation({
    mutationFn: () => setSenderCheck(connection.id, by === 'given' ? { by, authservId } : { by }),
    onSuccess: (saved) => {
      client.setQueryData(connectionQuery(saved.id).queryKey, saved);
      void client.invalidateQueries({ queryKey: ['connections'] });
      setDraft(null);
      say(by === 'off' ? 'Senders are no longer checked.' : 'Saved. It counts for mail from now on.');
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          Anybody can write any sender into an email. The server that receives it checks whether it is genuine and notes
          what it found in the email. Where it notes nothing, Letterlog checks new emails itself, unless that is
          switched off for this installation. What fails is marked in the Contact Log and starts no automation.
        </Text>
        <Radio.Group
          aria-label="Who checks senders"
          value={by}
          onChange={(value) => setDraft({ by: value as By, authservId })}
        >
          <Stack gap="xs">
            <Radio
              value="learned"
              label="Find out by itself which server checks"
              description={learnedWords(connection)}
            />
            <Radio value="given" label="This server" />
            {by === 'given' && (
              <TextInput
                ml={28}
                aria-label="Name of the server"
                placeholder="mx.example.com"
                description="As it stands first after “Authentication-Results:” in the headers of your emails. *.example.com stands for all of its servers."
                required
                maxLength={255}
                value={authservId}
                onChange={(event) => setDraft({ by, authservId: event.currentTarget.value })}
              />
            )}
            <Radio
              value="off"
              label="Don’t check senders"
              description="Forged emails then start automations like all others."
            />
          </Stack>
        </Radio.Group>
        <Problem error={save.error} />
        {draft && (
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => setDraft(null)}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

function learnedWords({ senderCheck: { by, authservId } }: Connection): string {
  if (by !== 'learned') return 'It is found in the mail that the mailbox holds.';
  if (authservId !== null) return `For this mailbox that is ${authservId.replace(/^\*\./, 'any server of ')}.`;
  return 'Not found yet: the mailbox holds too little mail of the last days, or its server notes nothing.';
}
