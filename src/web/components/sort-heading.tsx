import { UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import classes from './table.module.css';

/** A column's heading. A click sorts by it, a second one the other way round. `sort` is the API's: "name", or "-name" for falling. */
export function SortHeading(props: {
  label: string;
  field?: string;
  sort?: string;
  /** Numbers and times begin with the highest. */
  fallingFirst?: boolean;
  right?: boolean;
  className?: string;
  onSort?: (sort: string) => void;
}) {
  const { label, field, sort, onSort } = props;
  if (!field || !onSort) {
    return (
      <th scope="col" className={`${props.className ?? ''} ${props.right ? classes['right'] : ''}`}>
        <span className={classes['heading']}>{label}</span>
      </th>
    );
  }
  const rising = sort === field;
  const falling = sort === `-${field}`;
  const next = rising ? `-${field}` : falling ? field : props.fallingFirst ? `-${field}` : field;
  const Arrow = falling ? IconArrowDown : IconArrowUp;
  return (
    <th
      scope="col"
      aria-sort={rising ? 'ascending' : falling ? 'descending' : undefined}
      className={`${props.className ?? ''} ${props.right ? classes['right'] : ''}`}
    >
      <UnstyledButton
        className={`${classes['heading']} ${rising || falling ? classes['sorted'] : ''}`}
        style={props.right ? { justifyContent: 'flex-end' } : undefined}
        onClick={() => onSort(next)}
      >
        {label}
        {(rising || falling) && <Arrow size={13} aria-hidden />}
      </UnstyledButton>
    </th>
  );
}
