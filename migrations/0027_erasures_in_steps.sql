-- An erasure goes in many small transactions (docs/decisions/0027). From the first one on nothing finds the contact or the mailbox any more; what is marked here still has mail to be erased.
-- Of such a row deleted_at is renewed while somebody is at it.
alter table contact add column deleted_at timestamptz;
create index contact_deleted on contact (deleted_at) where deleted_at is not null;
alter table connection add column erasing boolean not null default false check (not erasing or deleted_at is not null);
create index connection_erasing on connection (deleted_at) where erasing;

-- Foreign keys to users and members that had none: who leaves would have whole tables read.
create index on contact (owner_id, account_id) where owner_id is not null;
create index on task (assignee_id, account_id) where assignee_id is not null;
create index on task (completed_by) where completed_by is not null;
create index on log_item (actor_id) where actor_id is not null;
