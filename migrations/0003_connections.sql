create table connection (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  -- The mailbox's owner. Kept by value when the user leaves: what the connection logged stays under the same rule.
  user_id uuid references "user" (id) on delete set null,
  provider text not null,
  address text not null,
  address_key text not null,
  -- What the provider needs that is no secret (IMAP: host, port, security, user name).
  settings jsonb not null,
  -- AES-256-GCM under the installation's key, bound to (account_id, id). Null once deleted.
  credentials bytea,
  sharing text not null check (sharing in ('everything', 'private')),
  state text not null check (state in ('connecting', 'active', 'paused', 'needs_sign_in', 'failing', 'deleted')),
  -- Why it is in this state: a stable code and a sentence for people; since when; the next try.
  state_code text,
  state_message text,
  state_since timestamptz not null default now(),
  next_try_at timestamptz,
  -- The start: mail from before it is old (spec, section 5, Since when).
  started_at timestamptz not null default now(),
  last_synced_at timestamptz,
  last_authenticated_at timestamptz,
  -- Raised by whoever takes the connection over; a page commits only under the number it began with.
  fence bigint not null default 0,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (account_id, id),
  check ((state = 'deleted') = (deleted_at is not null))
);
create unique index connection_once on connection (account_id, address_key) where deleted_at is null;
create index on connection (state) where deleted_at is null;

-- Own addresses (with those of the users' sign-ins): they never match a contact.
create table connection_address (
  account_id uuid not null,
  connection_id uuid not null,
  address_key text not null,
  primary key (account_id, address_key, connection_id),
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade
);

-- What a cursor belongs to: a folder (IMAP, Graph) or a whole mailbox (Gmail, JMAP, Nylas).
create table stream (
  account_id uuid not null,
  connection_id uuid not null,
  id uuid not null default gen_random_uuid(),
  ref text not null,
  -- The cursor at connecting, before anything was listed: taken for every folder, chosen or not.
  start_cursor text not null,
  -- How far it has been read. Null: not read yet, begin at start_cursor.
  cursor text,
  last_synced_at timestamptz,
  error text,
  error_since timestamptz,
  primary key (account_id, id),
  unique (account_id, connection_id, ref),
  unique (account_id, connection_id, id),
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade
);

create table folder (
  account_id uuid not null,
  connection_id uuid not null,
  id uuid not null default gen_random_uuid(),
  stream_id uuid,
  ref text not null,
  name text not null,
  role text check (role in ('inbox', 'sent', 'drafts', 'archive', 'all', 'junk', 'trash', 'flagged')),
  selectable boolean not null,
  chosen boolean not null default false,
  -- The stream's cursor when the folder was ticked: what lay in it by then is "late folder" unless it was ticked at connecting.
  chosen_cursor text,
  -- The superseded ones keep their ledger rows.
  epoch text not null default '',
  gone_at timestamptz,
  primary key (account_id, id),
  unique (account_id, connection_id, ref),
  unique (account_id, connection_id, id),
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade,
  foreign key (account_id, connection_id, stream_id) references stream (account_id, connection_id, id)
);
