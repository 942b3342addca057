-- Which process syncs which connection. A process renews its one row, so a lease costs nothing while it is held.
create table sync_process (
  id integer generated always as identity primary key,
  joined_at timestamptz not null default now(),
  -- By the database's clock. Past it, or when its session is gone, any other process may remove the row and with it the leases.
  expires_at timestamptz not null
);

create table lease (
  account_id uuid not null,
  connection_id uuid not null,
  process_id integer not null references sync_process (id) on delete cascade,
  primary key (account_id, connection_id),
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade
);
create index on lease (process_id);
