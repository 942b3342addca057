-- Exclusions (spec B10): contacts' addresses that don't match in the mailboxes of the account, or in those of one user.
create table exclusion (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  -- Null: in every mailbox of the account. It stays when its user leaves the account, as their mailboxes do.
  user_id uuid references "user" (id) on delete cascade,
  kind text not null check (kind in ('address', 'domain', 'own_domain')),
  -- As matching sees it (mail/address.ts): an address key, or a domain in ASCII, which covers its subdomains too.
  value text not null,
  created_by uuid references "user" (id) on delete set null,
  created_at timestamptz not null default now(),
  -- The ledger goes on naming it.
  removed_at timestamptz,
  primary key (account_id, id),
  check (kind <> 'own_domain' or user_id is null)
);
create unique index exclusion_once on exclusion (account_id, value, user_id) nulls not distinct where removed_at is null;
create index on exclusion (user_id) where user_id is not null;
create index on exclusion (created_by) where created_by is not null;

-- Contacts who took part in a sighting but were excluded in its mailbox, by the keyed hash of their address.
create table sighting_exclusion (
  account_id uuid not null,
  sighting_id bigint not null,
  hash bytea not null,
  exclusion_id uuid not null,
  -- Stood in Bcc only: for nobody but the copy's owner.
  blind boolean not null,
  primary key (sighting_id, hash, account_id),
  foreign key (account_id, sighting_id) references sighting (account_id, id) on delete cascade,
  foreign key (account_id, exclusion_id) references exclusion (account_id, id) on delete cascade
);
create index on sighting_exclusion (exclusion_id, account_id);
