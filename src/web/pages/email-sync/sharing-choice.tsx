import { Radio } from '@mantine/core';
import { IconLock, IconUsers } from '@tabler/icons-react';
import type { Sharing } from '../../api/types.ts';
import classes from './sharing-choice.module.css';

const choices = [
  {
    value: 'everything',
    name: 'Everything',
    icon: IconUsers,
    words: 'Subject, text and attachments of emails with contacts are shared with your team in the Contact Log.',
  },
  {
    value: 'private',
    name: 'Private',
    icon: IconLock,
    words: 'Only you see these emails. One that a colleague holds too is seen by the two of you, and by nobody else.',
  },
] as const;

/** Who sees what a mailbox logs. */
export function SharingChoice(props: { value: Sharing; onChange: (sharing: Sharing) => void; disabled?: boolean }) {
  return (
    <Radio.Group aria-label="Sharing" value={props.value} onChange={(value) => props.onChange(value as Sharing)}>
      <div className={classes['cards']}>
        {choices.map(({ value, name, icon: Icon, words }) => (
          <Radio.Card
            key={value}
            value={value}
            className={classes['card']}
            disabled={props.disabled}
            data-disabled={props.disabled || undefined}
            aria-label={`${name}. ${words}`}
          >
            <Icon size={20} style={{ flex: 'none' }} aria-hidden />
            <div>
              <div className={classes['name']}>{name}</div>
              <div className={classes['words']}>{words}</div>
            </div>
          </Radio.Card>
        ))}
      </div>
    </Radio.Group>
  );
}
