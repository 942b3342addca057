-- "Check mailbox" (spec B1): a row is asked for, the connection's own loop works it off, and its result stays.
create table mailbox_check (
  account_id uuid not null,
  id uuid not null default gen_random_uuid(),
  connection_id uuid not null,
  asked_at timestamptz not null default now(),
  -- Null: it began by itself, or its user is gone.
  asked_by uuid references "user" (id) on delete set null,
  -- Then what was decided as logged since then counts as recovered, whoever found it: the end of a catch-up.
  recovered_since timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  -- Seconds between two messages at most, in the 30 days before the latest one.
  longest_gap double precision,
  primary key (account_id, id),
  unique (account_id, connection_id, id),
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade
);
create unique index mailbox_check_under_way on mailbox_check (account_id, connection_id) where ended_at is null;
create index on mailbox_check (connection_id, account_id, asked_at);
create index on mailbox_check (asked_by) where asked_by is not null;

create table mailbox_check_folder (
  account_id uuid not null,
  connection_id uuid not null,
  check_id uuid not null,
  folder_id uuid not null,
  -- Messages since the start that the server has here, and those of them that had their row.
  listed bigint not null default 0,
  in_ledger bigint not null default 0,
  differences bigint not null default 0,
  repaired bigint not null default 0,
  recovered bigint not null default 0,
  done boolean not null default false,
  -- Why it couldn't be checked.
  error text,
  primary key (account_id, check_id, folder_id),
  foreign key (account_id, connection_id, check_id) references mailbox_check (account_id, connection_id, id) on delete cascade,
  foreign key (account_id, connection_id, folder_id) references folder (account_id, connection_id, id) on delete cascade
);
create index on mailbox_check_folder (folder_id, account_id);

-- The first differences of each folder, by name; the counts are over all of them.
create table mailbox_check_difference (
  account_id uuid not null,
  id bigint generated always as identity,
  check_id uuid not null,
  folder_id uuid not null,
  kind text not null,
  -- Null where it is the folder's own: its cursor.
  epoch text,
  ref text,
  -- The rule before, and after the repair.
  rule_before text,
  rule_after text,
  found_at timestamptz not null default now(),
  primary key (account_id, id),
  foreign key (account_id, check_id, folder_id) references mailbox_check_folder (account_id, check_id, folder_id) on delete cascade
);
create index on mailbox_check_difference (check_id, account_id);
create index on mailbox_check_difference (folder_id, account_id);

-- When the latest new sighting came, however quiet the calls are (health by mail).
alter table stream add column last_mail_at timestamptz;
