-- Mail from before the connection's start that was asked for (spec B11). A row holds what is asked, history_folder how far it has come.
create table history (
  account_id uuid not null,
  id uuid not null default gen_random_uuid(),
  connection_id uuid not null,
  -- By receive time. Null: from the beginning, up to the connection's start.
  since timestamptz,
  until timestamptz,
  -- Whether it starts automations: only when that was asked for.
  fires boolean not null,
  state text not null check (state in ('running', 'paused', 'done', 'cancelled')),
  -- Messages a second, lately.
  rate double precision,
  progressed_at timestamptz,
  asked_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (account_id, id),
  unique (account_id, connection_id, id),
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade,
  check ((state in ('done', 'cancelled')) = (ended_at is not null))
);
create unique index history_under_way on history (account_id, connection_id) where state in ('running', 'paused');
create index on history (connection_id, account_id);

create table history_folder (
  account_id uuid not null,
  connection_id uuid not null,
  history_id uuid not null,
  folder_id uuid not null,
  -- The folder's epoch in which the position is good. When it changes, the folder is listed from the newest again.
  epoch text not null,
  -- All that is newer has been listed; null: nothing yet. The provider's own.
  position text,
  listed bigint not null default 0,
  logged bigint not null default 0,
  -- How many messages are still to come; null: not asked yet.
  remaining bigint,
  done boolean not null default false,
  -- Why it can't be read now.
  error text,
  primary key (account_id, history_id, folder_id),
  foreign key (account_id, connection_id, history_id) references history (account_id, connection_id, id) on delete cascade,
  foreign key (account_id, connection_id, folder_id) references folder (account_id, connection_id, id) on delete cascade
);
create index on history_folder (folder_id, account_id);
