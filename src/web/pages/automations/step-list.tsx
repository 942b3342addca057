import { ActionIcon, Button, Group, Menu, Tooltip, UnstyledButton } from '@mantine/core';
import { IconAlertTriangle, IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Element } from '../../api/types.ts';
import { ToneBadge } from '../../components/tone.tsx';
import { newButton } from '../../shell/shortcuts.ts';
import { count } from '../../time.ts';
import classes from './editor.module.css';
import { isFixed } from './line.ts';
import { actionKinds, kinds, useWords } from './words.tsx';

/** The steps as a list: all that the canvas shows and does, for keyboards, screen readers and phones. */
export function StepList(props: {
  elements: Element[];
  selectedId: string | null;
  counts: Record<string, number>;
  problems: ReadonlyMap<string, string[]>;
  onSelect: (id: string) => void;
  /** The settings of the selected step, right below it. */
  form: (element: Element) => ReactNode;
}) {
  const words = useWords();
  return (
    <ol className={classes['steps']} aria-label="Steps">
      {props.elements.map((element) => {
        const { title, detail } = words(element);
        const Icon = kinds[element.kind].icon;
        const contacts = props.counts[element.id] ?? 0;
        const problem = props.problems.get(element.id);
        return (
          <li key={element.id}>
            <UnstyledButton
              className={classes['step']}
              aria-expanded={element.id === props.selectedId}
              onClick={() => props.onSelect(element.id)}
              data-line
            >
              <Icon size={18} stroke={1.7} aria-hidden />
              <span className={`one-line ${classes['title']}`}>{title}</span>
              <Contacts number={contacts} problem={problem} />
              <span className={`one-line ${classes['detail']}`}>{detail}</span>
            </UnstyledButton>
            {element.id === props.selectedId && (
              <section className={classes['form']} aria-label={`Settings of “${title}”`}>
                {props.form(element)}
              </section>
            )}
          </li>
        );
      })}
    </ol>
  );
}

/** How many contacts stand at an element, and whether something is wrong with it. */
export function Contacts({ number, problem }: { number: number; problem: string[] | undefined }) {
  if (problem) return <IconAlertTriangle size={18} className={classes['problem']} aria-label={problem.join(' ')} />;
  if (number === 0) return <span />;
  return (
    <ToneBadge tone="info" title={`${count(number, 'contact')} here`}>
      {number.toLocaleString('en')}
    </ToneBadge>
  );
}

/** Chooses the kind of a new element. */
export function AddMenu({
  children,
  onAdd,
}: {
  children: ReactNode;
  onAdd: (kind: (typeof actionKinds)[number]) => void;
}) {
  return (
    <Menu position="bottom">
      <Menu.Target>{children}</Menu.Target>
      <Menu.Dropdown>
        {actionKinds.map((kind) => {
          const Icon = kinds[kind].icon;
          return (
            <Menu.Item key={kind} leftSection={<Icon size={16} />} onClick={() => onAdd(kind)}>
              {kinds[kind].name}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}

/** What can be done with the selected step. */
export function StepActions(props: {
  line: Element[];
  selected: Element | undefined;
  onAdd: (kind: (typeof actionKinds)[number]) => void;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}) {
  const { line, selected } = props;
  const at = selected ? line.indexOf(selected) : -1;
  const fixed = !selected || isFixed(selected);
  const cannot = (by: -1 | 1) => {
    const other = line[at + by];
    return fixed || !other || isFixed(other);
  };
  return (
    <Group justify="space-between" gap="xs">
      <AddMenu onAdd={props.onAdd}>
        <Button variant="default" leftSection={<IconPlus size={16} />} {...newButton}>
          {selected && selected.kind !== 'end' ? 'Add step after it' : 'Add step'}
        </Button>
      </AddMenu>
      <Group gap={4}>
        <Tooltip label="Move up">
          <ActionIcon aria-label="Move up" disabled={cannot(-1)} onClick={() => props.onMove(-1)}>
            <IconArrowUp size={17} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Move down">
          <ActionIcon aria-label="Move down" disabled={cannot(1)} onClick={() => props.onMove(1)}>
            <IconArrowDown size={17} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Remove">
          <ActionIcon aria-label="Remove" disabled={fixed} onClick={props.onRemove}>
            <IconTrash size={17} />
          </ActionIcon>
        </Tooltip>
      </Group>
    </Group>
  );
}
