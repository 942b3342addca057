-- Of the differences: rows whose message was deleted or moved in the mailbox meanwhile. They are no sign of trouble.
alter table mailbox_check_folder add column gone bigint not null default 0;
-- When the mailbox's own server was last looked for in its mail, found or not: it costs hundreds of heads.
alter table connection add column authserv_looked_at timestamptz;
