import type { SelectProps } from '@mantine/core';
import { Select } from '@mantine/core';
import { useMemo } from 'react';
import { allZones } from '../time.ts';

/** A time zone by its IANA name. */
export function ZoneSelect(props: SelectProps) {
  const { value } = props;
  const data = useMemo(() => {
    const zones = allZones();
    return value && !zones.includes(value) ? [value, ...zones] : zones;
  }, [value]);
  return <Select label="Time zone" searchable data={data} limit={60} nothingFoundMessage="No such zone" {...props} />;
}
