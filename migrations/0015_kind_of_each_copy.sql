-- A list's copy of a message and the direct one differ in kind, and a trigger is evaluated for each (spec, section 5, When it is evaluated).
-- Null: not logged, or from before; then the message's kind counts. Not validated: all there is is null, and the table may be large.
alter table sighting add column kind text,
  add constraint sighting_kind_check check (kind in ('personal', 'auto_reply', 'bounce', 'list', 'calendar')) not valid;

-- Of a bounce: { status, recipients } as far as it says (mail/delivery-report.ts).
alter table message add column delivery jsonb;
