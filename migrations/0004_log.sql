-- Indexes of the large tables lead with the selective column, not with account_id: PostgreSQL keeps the plan of a foreign key's check for as long as a
-- connection lives, and one made while the table was empty may take any index that begins with account_id, which then reads the whole account for each row.

-- One email, once per account however many mailboxes hold it. Only mail with a contact is here.
create table message (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  -- HMAC of Message-ID + From + Date (without one of them, Subject and To as well): mail/identity.ts.
  identity bytea not null,
  internet_message_id text,
  in_reply_to text,
  reference_ids text[] not null default '{}',
  subject text not null default '',
  snippet text not null default '',
  sent_at timestamptz,
  received_at timestamptz not null,
  size bigint not null,
  text text not null default '',
  html text,
  -- [[name, value], ...] in the message's order, without Bcc.
  headers jsonb not null default '[]',
  -- Key of the raw message in the blob store.
  raw text,
  -- What could not be read of it, for people; the raw message is kept all the same.
  defects text[] not null default '{}',
  created_at timestamptz not null default now(),
  primary key (account_id, id),
  unique (identity, account_id)
);
create index on message (internet_message_id, account_id);
create index on message (raw, account_id) where raw is not null;

-- Bcc belongs to the copy that carries it (spec, section 5, Seeing): connection_id is set for role bcc only.
create table message_participant (
  account_id uuid not null,
  message_id uuid not null,
  role text not null check (role in ('from', 'to', 'cc', 'bcc', 'reply-to')),
  position integer not null,
  name text not null default '',
  address text not null,
  address_key text not null,
  connection_id uuid,
  foreign key (account_id, message_id) references message (account_id, id) on delete cascade,
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade,
  check ((role = 'bcc') = (connection_id is not null))
);
create unique index message_participant_once on message_participant
  (message_id, role, position, connection_id, account_id) nulls not distinct;
create index on message_participant (address_key, account_id);
create index on message_participant (connection_id, account_id) where connection_id is not null;

create table attachment (
  account_id uuid not null,
  message_id uuid not null,
  -- The part's place in the MIME tree, as IMAP numbers it (RFC 9051, section 6.4.5).
  part text not null,
  filename text not null,
  content_type text not null,
  size bigint not null,
  content_id text,
  inline boolean not null default false,
  primary key (account_id, message_id, part),
  foreign key (account_id, message_id) references message (account_id, id) on delete cascade
);

-- The ledger: one row for every sighting ever listed.
create table sighting (
  account_id uuid not null,
  id bigint generated always as identity,
  connection_id uuid not null,
  folder_id uuid not null,
  epoch text not null,
  ref text not null,
  received_at timestamptz,
  size bigint,
  state text not null check (state in ('logged', 'skipped', 'quarantined')),
  -- The rule that decided: sync/rules.ts names them all.
  rule text not null,
  class text check (class in ('live', 'history', 'late_contact', 'late_folder', 'migrated')),
  -- Keyed hashes only: of a stranger's mail nothing else is kept. identity is null while no head could be read.
  identity bytea,
  internet_message_id_hash bytea,
  message_id uuid,
  listed_at timestamptz not null default now(),
  decided_at timestamptz not null default now(),
  -- To be decided again from then on: a quarantined row's next try, or a skipped row whose sender became a contact.
  due_at timestamptz,
  tries integer not null default 0,
  error text,
  vanished_at timestamptz,
  superseded_at timestamptz,
  primary key (account_id, id),
  unique (folder_id, epoch, ref),
  foreign key (account_id, connection_id, folder_id) references folder (account_id, connection_id, id) on delete cascade,
  foreign key (account_id, message_id) references message (account_id, id),
  check ((state = 'logged') = (message_id is not null))
);
create index sighting_by_identity on sighting (identity, account_id);
create index sighting_by_message_id on sighting (internet_message_id_hash, account_id);
create index sighting_of_message on sighting (message_id, account_id) where message_id is not null;
-- Counts by state of the current epochs, for the lists of connections and folders, without a look at the rows.
create index sighting_counts on sighting (account_id, connection_id, folder_id, state) where superseded_at is null;
create index sighting_due on sighting (account_id, connection_id, due_at) where due_at is not null;
create index sighting_vanished on sighting (vanished_at) where state = 'skipped' and vanished_at is not null;

-- Keyed hashes of the participants of skipped mail.
create table sighting_participant (
  account_id uuid not null,
  sighting_id bigint not null,
  hash bytea not null,
  primary key (hash, account_id, sighting_id),
  foreign key (account_id, sighting_id) references sighting (account_id, id) on delete cascade
);
create index on sighting_participant (sighting_id, account_id);

-- Every decision ever made on a sighting, the ledger row's latest included. Append-only.
create table decision (
  account_id uuid not null,
  sighting_id bigint not null,
  state text not null,
  rule text not null,
  at timestamptz not null default now(),
  foreign key (account_id, sighting_id) references sighting (account_id, id) on delete cascade
);
create index on decision (sighting_id, account_id);
