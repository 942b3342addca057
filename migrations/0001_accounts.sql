-- Accounts (tenants), their users, and how users sign in. user, session, sign_in_method and verification are better-auth's
-- models under our names: "account" is the tenant, "sign_in_method" is what better-auth calls an account.
create extension if not exists pg_trgm;

create table "user" (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  -- Lower case.
  email text not null unique check (email = lower(email)),
  email_verified boolean not null default false,
  image text,
  zone text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table account (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  plan text not null default 'plus' check (plan in ('basic', 'plus', 'pro', 'enterprise')),
  zone text not null default 'UTC',
  fallback_user_id uuid,
  created_at timestamptz not null default now()
);

create table member (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references account (id) on delete cascade,
  user_id uuid not null references "user" (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member')),
  created_at timestamptz not null default now(),
  unique (account_id, user_id)
);

-- Tasks of a contact without an owner go to this user (spec, section 5, Time).
alter table account add foreign key (id, fallback_user_id) references member (account_id, user_id)
  on delete set null (fallback_user_id);

create table session (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references "user" (id) on delete cascade,
  token text not null unique,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  active_account_id uuid references account (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on session (user_id);

create table sign_in_method (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references "user" (id) on delete cascade,
  account_id text not null,
  provider_id text not null,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on sign_in_method (user_id);

create table verification (
  id uuid primary key default gen_random_uuid(),
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on verification (identifier);

-- Its link carries a token derived from the id by the installation's key, so that it can be shown again and is stored nowhere.
create table invitation (
  account_id uuid not null references account (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  email text not null,
  role text not null check (role in ('owner', 'admin', 'member')),
  inviter_id uuid references "user" (id) on delete set null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (account_id, id),
  unique (id)
);
create unique index on invitation (account_id, lower(email));

-- The token that lets one set up a new installation: one row while there is no account, none later.
create table setup_token (
  one boolean primary key default true check (one),
  hash bytea not null,
  created_at timestamptz not null default now()
);

-- Attempts counted in a window of time, by what is attempted and by whom.
create table rate_limit (
  key text primary key,
  count integer not null,
  window_ends timestamptz not null
);

-- A key acts as the user who made it; only its SHA-256 is kept.
create table api_key (
  account_id uuid not null,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  name text not null,
  prefix text not null,
  hash bytea not null unique,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  primary key (account_id, id),
  foreign key (account_id, user_id) references member (account_id, user_id) on delete cascade
);
create index on api_key (account_id, user_id);

-- The account's HMAC key for strangers' hashes, sealed by the installation's key, which is outside the database.
create table account_key (
  account_id uuid primary key references account (id) on delete cascade,
  sealed bytea not null
);
