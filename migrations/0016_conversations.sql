-- A mail server's receive times have no part smaller than a second: within one the order is that of writing. Null: no email, or from before.
alter table log_item add column sent_at timestamptz;
drop index log_item_newest;
create index log_item_newest on log_item (account_id, contact_id, at desc, coalesce(sent_at, at) desc, id desc);

-- The ids of threads that became part of another: links to them stay good.
create table former_thread (
  account_id uuid not null,
  id uuid not null,
  thread_key bigint not null,
  primary key (id, account_id),
  foreign key (account_id, thread_key) references thread (account_id, key) on delete cascade
);
create index on former_thread (thread_key, account_id);

-- How far the messages have been gone through that were stored before there were threads (log/thread-old-mail.ts). An account without a row is done.
create table threading (
  account_id uuid primary key references account (id) on delete cascade,
  after uuid not null default '00000000-0000-0000-0000-000000000000'
);
insert into threading (account_id) select id from account;
