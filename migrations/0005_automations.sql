create table map (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  -- { elements: [...], arrows: [...] }: automations/map.ts.
  draft jsonb not null,
  state text not null default 'draft' check (state in ('draft', 'published', 'paused')),
  -- The version that runs begin on.
  version integer,
  -- Since when its triggers listen (published, resumed, or a trigger added): messages from before fire nothing.
  live_since timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (account_id, id)
);

create table map_version (
  account_id uuid not null,
  map_id uuid not null,
  version integer not null,
  graph jsonb not null,
  published_at timestamptz not null default now(),
  published_by uuid references "user" (id) on delete set null,
  primary key (account_id, map_id, version),
  foreign key (account_id, map_id) references map (account_id, id) on delete cascade
);

-- A firing outlives the map, the contact and the message, so that nothing ever fires again: no foreign keys but the account's.
-- key is a hash of (map, trigger, contact, message identity).
create table firing (
  account_id uuid not null references account (id) on delete cascade,
  key bytea not null,
  map_id uuid not null,
  trigger_id text not null,
  contact_id uuid not null,
  message_id uuid not null,
  sighting_id bigint not null,
  run_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  primary key (account_id, key)
);
create index on firing (account_id, map_id, at desc);

create table run (
  account_id uuid not null,
  id uuid not null default gen_random_uuid(),
  map_id uuid not null,
  version integer not null,
  contact_id uuid not null,
  message_id uuid,
  state text not null check (state in ('running', 'waiting', 'ended', 'failed')),
  -- Where the contact stands; visit counts the elements passed, so that loops may pass one again.
  element_id text not null,
  visit integer not null default 0,
  since timestamptz not null default now(),
  due_at timestamptz,
  error text,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (account_id, id),
  foreign key (account_id, map_id, version) references map_version (account_id, map_id, version) on delete cascade,
  foreign key (account_id, contact_id) references contact (account_id, id) on delete cascade,
  foreign key (account_id, message_id) references message (account_id, id) on delete set null (message_id)
);
create index on run (account_id, contact_id);
create index on run (account_id, message_id) where message_id is not null;
create index on run (account_id, map_id, version, element_id);
-- For the sweep, over all accounts: which runs should have moved by now.
create index run_due on run ((coalesce(due_at, since))) where state in ('running', 'waiting');

-- A step's effect in this database and its result commit together.
create table step (
  account_id uuid not null,
  run_id uuid not null,
  visit integer not null,
  element_id text not null,
  result jsonb not null,
  at timestamptz not null default now(),
  primary key (account_id, run_id, visit),
  foreign key (account_id, run_id) references run (account_id, id) on delete cascade
);

create table task (
  account_id uuid not null,
  id uuid not null default gen_random_uuid(),
  contact_id uuid not null,
  assignee_id uuid,
  subject text not null,
  due_at timestamptz,
  state text not null default 'pending' check (state in ('pending', 'complete', 'cancelled')),
  completed_at timestamptz,
  completed_by uuid references "user" (id) on delete set null,
  -- The step that made it, if one did.
  run_id uuid,
  visit integer,
  created_at timestamptz not null default now(),
  primary key (account_id, id),
  unique (account_id, run_id, visit),
  foreign key (account_id, contact_id) references contact (account_id, id) on delete cascade,
  foreign key (account_id, assignee_id) references member (account_id, user_id) on delete set null (assignee_id)
);
create index on task (account_id, state, due_at);
create index on task (account_id, contact_id);

-- A line of a contact's Contact Log.
create table log_item (
  account_id uuid not null,
  id uuid not null default gen_random_uuid(),
  contact_id uuid not null,
  kind text not null check (kind in ('email_sync', 'task', 'note', 'stage_change')),
  at timestamptz not null,
  message_id uuid,
  direction text check (direction in ('sent', 'received', 'copied')),
  matched_address text,
  matched_role text check (matched_role in ('from', 'to', 'cc', 'bcc')),
  class text check (class in ('live', 'history', 'late_contact', 'late_folder', 'migrated')),
  task_id uuid,
  -- What the other kinds say: a note's text, a stage change's from and to.
  detail jsonb,
  actor_id uuid references "user" (id) on delete set null,
  created_at timestamptz not null default now(),
  primary key (account_id, id),
  unique (account_id, contact_id, message_id),
  foreign key (account_id, contact_id) references contact (account_id, id) on delete cascade,
  foreign key (account_id, message_id) references message (account_id, id) on delete cascade,
  foreign key (account_id, task_id) references task (account_id, id) on delete cascade,
  check ((kind = 'email_sync') = (message_id is not null))
);
create index log_item_newest on log_item (account_id, contact_id, at desc, id desc);
create index on log_item (account_id, message_id);
create index on log_item (account_id, task_id) where task_id is not null;
