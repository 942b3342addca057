-- How many ledger rows of the current epochs each folder has by state, and how many were read since an outage began: screens ask each second, of ledgers of any size.
-- Kept by triggers, a statement at a time, so that nobody who writes to the ledger can forget it. Only the folder's own loop writes much, so nobody waits.
create table sighting_count (
  account_id uuid not null,
  connection_id uuid not null,
  folder_id uuid not null,
  state text not null check (state in ('logged', 'skipped', 'quarantined')),
  total bigint not null,
  primary key (account_id, connection_id, folder_id, state),
  foreign key (account_id, connection_id, folder_id) references folder (account_id, connection_id, id) on delete cascade
) with (fillfactor = 50);

alter table outage add column read bigint not null default 0;

create function count_added_sightings() returns trigger language plpgsql as $$
begin
  insert into sighting_count as c (account_id, connection_id, folder_id, state, total)
  select account_id, connection_id, folder_id, state, count(*) from added where superseded_at is null
  group by account_id, connection_id, folder_id, state order by account_id, connection_id, folder_id, state
  on conflict (account_id, connection_id, folder_id, state) do update set total = c.total + excluded.total;
  update outage o set read = o.read + n.total
  from (select account_id, connection_id, count(*) as total from added group by account_id, connection_id) n
  where o.account_id = n.account_id and o.connection_id = n.connection_id and o.caught_up_at is null;
  return null;
end $$;

create function count_changed_sightings() returns trigger language plpgsql as $$
begin
  insert into sighting_count as c (account_id, connection_id, folder_id, state, total)
  select account_id, connection_id, folder_id, state, sum(n) from (
    select account_id, connection_id, folder_id, state, 1 as n from after where superseded_at is null
    union all
    select account_id, connection_id, folder_id, state, -1 from before where superseded_at is null) changed
  group by account_id, connection_id, folder_id, state having sum(n) <> 0 order by account_id, connection_id, folder_id, state
  on conflict (account_id, connection_id, folder_id, state) do update set total = c.total + excluded.total;
  return null;
end $$;

-- Nothing is made anew here: the folder itself may be going.
create function count_removed_sightings() returns trigger language plpgsql as $$
begin
  update sighting_count c set total = c.total - n.total
  from (select account_id, connection_id, folder_id, state, count(*) as total from removed where superseded_at is null
    group by account_id, connection_id, folder_id, state) n
  where c.account_id = n.account_id and c.connection_id = n.connection_id and c.folder_id = n.folder_id and c.state = n.state;
  return null;
end $$;

create trigger sighting_added after insert on sighting referencing new table as added
  for each statement execute function count_added_sightings();
create trigger sighting_changed after update on sighting referencing old table as before new table as after
  for each statement execute function count_changed_sightings();
create trigger sighting_removed after delete on sighting referencing old table as removed
  for each statement execute function count_removed_sightings();

insert into sighting_count
select account_id, connection_id, folder_id, state, count(*) from sighting where superseded_at is null
group by account_id, connection_id, folder_id, state;
update outage o set read = (select count(*) from sighting s
  where s.account_id = o.account_id and s.connection_id = o.connection_id and s.superseded_at is null
    and s.id > o.after_sighting and s.id <= coalesce(o.until_sighting, s.id));

-- Of what an outage had missed: what is in quarantine, and what was logged.
create index sighting_quarantined on sighting (account_id, connection_id, id) where state = 'quarantined';
create index sighting_recovered on sighting (account_id, connection_id, id) where state = 'logged' and class in ('live', 'migrated');
-- What it was counted by.
drop index sighting_counts;
