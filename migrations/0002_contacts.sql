create table stage (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  position integer not null,
  primary key (account_id, id),
  unique (account_id, name)
);

create table contact (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  first_name text not null default '',
  last_name text not null default '',
  company text not null default '',
  owner_id uuid,
  stage_id uuid,
  lead_score integer not null default 0,
  -- Where both had a message, one stays: the tombstone points to the survivor (spec, section 5, Lives and deaths).
  merged_into uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (account_id, id),
  foreign key (account_id, owner_id) references member (account_id, user_id) on delete set null (owner_id),
  foreign key (account_id, stage_id) references stage (account_id, id) on delete set null (stage_id),
  foreign key (account_id, merged_into) references contact (account_id, id)
);
create index on contact (account_id, stage_id) where stage_id is not null;
create index on contact (account_id, merged_into) where merged_into is not null;
create index contact_by_words on contact using gin ((first_name || ' ' || last_name || ' ' || company) gin_trgm_ops);

-- address_key is the address as matching sees it: case folded, plus-tag removed, domain in ASCII (mail/address.ts).
-- hash is its HMAC under the account's key, to be joined with strangers' hashes.
create table contact_address (
  account_id uuid not null,
  address_key text not null,
  contact_id uuid not null,
  address text not null,
  hash bytea not null,
  position integer not null default 0,
  created_at timestamptz not null default now(),
  primary key (account_id, address_key),
  foreign key (account_id, contact_id) references contact (account_id, id) on delete cascade
);
create index on contact_address (account_id, contact_id);
create index on contact_address (account_id, hash);
create index contact_address_by_words on contact_address using gin (address gin_trgm_ops);

create table tag (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  primary key (account_id, id)
);
create unique index on tag (account_id, lower(name));

create table contact_tag (
  account_id uuid not null,
  contact_id uuid not null,
  tag_id uuid not null,
  primary key (account_id, contact_id, tag_id),
  foreign key (account_id, contact_id) references contact (account_id, id) on delete cascade,
  foreign key (account_id, tag_id) references tag (account_id, id) on delete cascade
);
create index on contact_tag (account_id, tag_id);

create table segment (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  primary key (account_id, id)
);
create unique index on segment (account_id, lower(name));

create table contact_segment (
  account_id uuid not null,
  contact_id uuid not null,
  segment_id uuid not null,
  primary key (account_id, contact_id, segment_id),
  foreign key (account_id, contact_id) references contact (account_id, id) on delete cascade,
  foreign key (account_id, segment_id) references segment (account_id, id) on delete cascade
);
create index on contact_segment (account_id, segment_id);
