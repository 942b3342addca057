-- A time in which a mailbox could not be read (spec S4), until everything missed has been read. The check after it says how many were recovered.
create table outage (
  account_id uuid not null,
  id uuid not null default gen_random_uuid(),
  connection_id uuid not null,
  began_at timestamptz not null default now(),
  -- The account's latest ledger row then, and when it had been caught up: what this connection listed in between had been missed.
  after_sighting bigint not null,
  until_sighting bigint,
  -- What is wrong, as connection.state_code and state_message; kept when it is over.
  code text not null,
  message text not null,
  -- When the server refused the sign-in, if it did.
  refused_at timestamptz,
  -- Since when it can be read again, and when all that had been missed was read.
  back_at timestamptz,
  caught_up_at timestamptz,
  -- The check that compares server, ledger and log after it.
  check_id uuid,
  primary key (account_id, id),
  foreign key (account_id, connection_id) references connection (account_id, id) on delete cascade,
  foreign key (account_id, connection_id, check_id) references mailbox_check (account_id, connection_id, id)
    on delete set null (check_id)
);
create unique index outage_open on outage (account_id, connection_id) where caught_up_at is null;
create index on outage (connection_id, account_id, began_at);
create index on outage (check_id, account_id) where check_id is not null;

-- Who has put an outage off, or is done with what was to be said of it until then.
create table outage_notice (
  account_id uuid not null,
  outage_id uuid not null,
  user_id uuid not null references "user" (id) on delete cascade,
  later_until timestamptz,
  dismissed_at timestamptz,
  primary key (account_id, outage_id, user_id),
  foreign key (account_id, outage_id) references outage (account_id, id) on delete cascade
);
create index on outage_notice (outage_id, account_id);
create index on outage_notice (user_id);

-- Those that are in trouble already.
insert into outage (account_id, connection_id, began_at, after_sighting, code, message, refused_at)
select c.account_id, c.id, c.state_since, coalesce((select max(s.id) from sighting s where s.account_id = c.account_id), 0),
  coalesce(c.state_code, 'internal'), coalesce(c.state_message, ''), case when c.state = 'needs_sign_in' then c.state_since end
from connection c where c.state in ('failing', 'needs_sign_in');

-- The outage says it.
alter table mailbox_check drop column recovered_since;
