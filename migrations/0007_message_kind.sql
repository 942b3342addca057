-- What kind of mail a message is (mail/recognise.ts): by default only a person's mail starts automations (spec B7).
alter table message add column kind text not null default 'personal'
  check (kind in ('personal', 'auto_reply', 'bounce', 'list', 'calendar'));
