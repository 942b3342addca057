import { Checkbox } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Scope } from '../../api/connections.ts';
import type { Connection } from '../../api/types.ts';
import { SortHeading } from '../../components/sort-heading.tsx';
import table from '../../components/table.module.css';
import { usePhone } from '../../components/use-phone.ts';
import type { Column } from './columns.tsx';

interface Props {
  scope: Scope;
  connections: Connection[];
  columns: Column[];
  chosen: ReadonlySet<string>;
  onChoose: (ids: ReadonlySet<string>) => void;
}

export function ConnectionTable(props: Props) {
  const { connections, columns, chosen, onChoose } = props;
  const [sort, setSort] = useState('address');
  const sorted = sortedBy(connections, columns, sort);
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose(next);
  };
  const phone = usePhone();
  const parts = { ...props, connections: sorted, toggle };
  return phone ? <Cards {...parts} /> : <Rows {...parts} sort={sort} onSort={setSort} />;
}

/** Nothing (null) comes last either way. */
function sortedBy(connections: Connection[], columns: Column[], sort: string): Connection[] {
  const falling = sort.startsWith('-');
  const column = columns.find(({ id }) => id === sort.replace('-', '')) ?? columns[0];
  if (!column) return connections;
  return connections.toSorted((one, other) => {
    const [left, right] = [column.order(one), column.order(other)];
    if (left === right) return one.address < other.address ? -1 : 1;
    if (left === null) return 1;
    if (right === null) return -1;
    return (left < right ? -1 : 1) * (falling ? -1 : 1);
  });
}

type Parts = Props & { toggle: (id: string) => void };

function Rows({
  scope,
  connections,
  columns,
  chosen,
  onChoose,
  toggle,
  sort,
  onSort,
}: Parts & { sort: string; onSort: (sort: string) => void }) {
  const navigate = useNavigate();
  const all = connections.length > 0 && connections.every(({ id }) => chosen.has(id));
  const some = connections.some(({ id }) => chosen.has(id));
  return (
    <div className={table['wrap']}>
      <table className={table['table']}>
        <caption hidden>Connections</caption>
        <thead>
          <tr>
            <th scope="col" style={{ padding: '0 0 0 12px', width: 30 }}>
              <Checkbox
                size="xs"
                aria-label="Select all"
                checked={all}
                indeterminate={some && !all}
                onChange={() => onChoose(all ? new Set() : new Set(connections.map(({ id }) => id)))}
              />
            </th>
            {columns.map(({ id, label }) => (
              <SortHeading key={id} label={label} field={id} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {connections.map((connection) => (
            <tr
              key={connection.id}
              className={`${table['row']} ${chosen.has(connection.id) ? table['chosen'] : ''}`}
              onClick={(event) => {
                if ((event.target as HTMLElement).closest('a, button, input, label')) return;
                const params = { connectionId: connection.id };
                void (scope === 'mine'
                  ? navigate({ to: '/profile/email-sync/$connectionId', params })
                  : navigate({ to: '/administration/email/email-sync/$connectionId', params }));
              }}
            >
              <td style={{ paddingRight: 0 }}>
                <Checkbox
                  size="xs"
                  aria-label={`Select ${connection.address}`}
                  checked={chosen.has(connection.id)}
                  onChange={() => toggle(connection.id)}
                />
              </td>
              {columns.map(({ id, show }) => (
                <td key={id} className="one-line">
                  {show(connection)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cards({ connections, columns, chosen, toggle }: Parts) {
  return (
    <ul className={table['cards']}>
      {connections.map((connection) => (
        <li key={connection.id} style={{ display: 'flex', gap: 12, alignItems: 'flex-start' }}>
          <Checkbox
            mt={2}
            style={{ zIndex: 1 }}
            aria-label={`Select ${connection.address}`}
            checked={chosen.has(connection.id)}
            onChange={() => toggle(connection.id)}
          />
          <div style={{ minWidth: 0, flex: 1 }}>
            {columns.map(({ id, label, show }) => (
              <div key={id} className="one-line" style={{ fontSize: id === 'address' ? undefined : '0.8125rem' }}>
                {id !== 'address' && <span className={table['dim']}>{label}: </span>}
                {show(connection)}
              </div>
            ))}
          </div>
        </li>
      ))}
    </ul>
  );
}
